/// Which models a provider serves.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "gatehouse/json.hpp"
#include "gatehouse/status.hpp"

namespace gatehouse {
inline namespace v1 {

/// The models of a setting such as [gpt-5, "o*"]: names, or beginnings of names before a `*`.
class ServedModels {
 public:
  /// Absent: all.
  explicit ServedModels(Json names) {
    for (const Json name : names) names_.emplace_back(name.str());
  }
  bool has(View model) const {
    const auto fits = [model](View name) {
      if (name.empty() || name.back() != '*') return name == model;
      name.remove_suffix(1);
      return model.substr(0, name.size()) == name;
    };
    return names_.empty() || std::any_of(names_.begin(), names_.end(), fits);
  }

 private:
  std::vector<std::string> names_;
};

/// Fails for a name that must not stand in a URL, a metric or a log.
inline Status check_model_name(View model) {
  static constexpr View kOther = "._-/:@+";
  constexpr std::size_t kLongest = 200;
  const bool fits = std::all_of(model.begin(), model.end(), [](char c) {
    const char low = to_lower(c);
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || kOther.find(c) != View::npos;
  });
  if (fits && !model.empty() && model.size() <= kLongest) return {};
  return Fail{400,
              "invalid_model",
              "`model` must consist of 1 to 200 letters, digits and any of ._-/:@+",
              {}};
}

}  // namespace v1
}  // namespace gatehouse
