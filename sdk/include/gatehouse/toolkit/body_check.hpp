/// Checks of a JSON body whose errors name the place: "messages[3].parts[0].text must be a string".
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "gatehouse/json.hpp"
#include "gatehouse/toolkit/data_url.hpp"

namespace gatehouse {
inline namespace v1 {

/// What is wrong with a value, to be put after the name of its place: ".text must be a string". The
/// name is spelled on the way up, so a correct body costs no strings.
using BodyError = std::optional<std::string>;

/// An optional member. Null stands for an absent one: some clients write undefined values that way.
struct OptionalMember {
  View name;
  bool (Json::*is)() const;
  View what;  ///< "a string"
};

template <std::size_t N>
BodyError check_optional(Json object, const OptionalMember (&members)[N]) {
  for (const OptionalMember& member : members) {
    const Json value = object[member.name];
    if (!value.is_null() && !(value.*member.is)())
      return std::string(".").append(member.name).append(" must be ").append(member.what);
  }
  return std::nullopt;
}

/// Checks the elements of an array, each by `check`.
template <class Check>
BodyError check_each(Json array, Check check) {
  std::size_t index = 0;
  for (const Json element : array) {
    if (const BodyError error = check(element))
      return std::string("[").append(std::to_string(index)).append("]").append(*error);
    ++index;
  }
  return std::nullopt;
}

/// The member `name`, which includes its dot, checked by `check`.
template <class Check>
BodyError check_member(View name, Json value, Check check) {
  if (const BodyError error = check(value)) return std::string(name).append(*error);
  return std::nullopt;
}

/// The URL of a file: a data URL, which must have data, or an https URL, which the gateway passes
/// on and never fetches.
inline BodyError check_file_url(Json url) {
  if (is_data_url(url.str())) {
    const auto data = parse_data_url(url.str());
    if (!data || data->data.empty()) return " must hold data after a comma";
    if (data->is_base64 && !is_base64(data->data)) return " must hold valid base64 after the comma";
    return std::nullopt;
  }
  if (equals_ignoring_case(url.str().substr(0, 8), "https://")) return std::nullopt;
  return " must be a data URL or an https URL";
}

}  // namespace v1
}  // namespace gatehouse
