/// Ids of the tool calls of a response.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "gatehouse/json.hpp"
#include "gatehouse/toolkit/fresh_id.hpp"

namespace gatehouse {
inline namespace v1 {

/// Gives each call an id that no other call has: servers leave them out, or use one twice.
class UniqueIds {
 public:
  UniqueIds() = default;
  /// `messages`: of the chat; ids of the calls in them are taken, too.
  explicit UniqueIds(Json messages) {
    for (const Json message : messages) {
      for (const Json part : message["content"]) {
        if (part["type"].str() == "tool-call") taken_.emplace(part["id"].str());
      }
    }
    most_ += taken_.size();
  }

  /// `given`, or a fresh id where that is empty or taken.
  std::string take(View given) {
    const bool is_new = !given.empty() && taken_.size() < most_ && taken_.emplace(given).second;
    return is_new ? std::string(given) : fresh_id();
  }

 private:
  std::size_t most_ = 1000;  // that are kept; no real response has so many calls
  std::set<std::string, std::less<>> taken_;
};

}  // namespace v1
}  // namespace gatehouse
