/// Rule 1 of the chat document (sdk/README.md), for providers: parts that are unknown are rejected.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "gatehouse/json.hpp"
#include "gatehouse/status.hpp"

namespace gatehouse {
inline namespace v1 {

/// Where a part stands in the chat document.
struct PartPlace {
  std::size_t message = 0, part = 0;
  std::optional<std::size_t> inner{};  ///< In the content of a tool result.
  View role{};                         ///< Of the message.

  /// "messages[2].content[0]"
  std::string text() const {
    std::string text = "messages[" + std::to_string(message) + "].content[" + std::to_string(part);
    if (inner) text.append("].content[").append(std::to_string(*inner));
    return text.append("]");
  }
};

/// The provider does not know what stands at this place, or cannot send it.
inline Fail unsupported(View place, View why) {
  std::string message(place);
  return {400, "unsupported", message.append(" is not supported: ").append(why), {}};
}

namespace detail {
/// Whether the chat document of this version has parts of this type in messages of this role.
inline bool is_part(View role, View type) {
  static constexpr std::pair<View, View> kParts[] = {{"system", "text"},
                                                     {"user", "text"},
                                                     {"user", "file"},
                                                     {"assistant", "text"},
                                                     {"assistant", "file"},
                                                     {"assistant", "reasoning"},
                                                     {"assistant", "tool-call"},
                                                     {"assistant", "tool-result"},
                                                     {"assistant", "reasoning-file"},
                                                     {"tool", "tool-result"},
                                                     {"tool-result", "text"},
                                                     {"tool-result", "file"}};
  return std::find(std::begin(kParts), std::end(kParts), std::pair(role, type)) != std::end(kParts);
}

template <class Each>
Status check_part(View role, Json part, const PartPlace& place, Each& each) {
  const View type = part["type"].str();
  if (is_part(role, type)) return each(part, place);
  std::string why("the type `");
  why.append(type).append("` is unknown in a ").append(role);
  if (!place.inner) why.append(" message");
  return unsupported(place.text(), why);
}
}  // namespace detail

/// Calls each(part, place) for the parts of all messages, those inside of tool results too, until
/// one returns a failure. Fails for parts that the chat document of this version does not have, of
/// `system` too.
template <class Each>
Status for_each_part(Json chat, Each each) {
  std::size_t at = 0;
  for (const Json part : chat["system"]) {
    if (part["type"].str() != "text")
      return unsupported("system[" + std::to_string(at) + "]", "it is not a text");
    ++at;
  }
  PartPlace place;
  for (const Json message : chat["messages"]) {
    place.part = 0;
    place.role = message["role"].str();
    for (const Json part : message["content"]) {
      Status s = detail::check_part(place.role, part, place, each);
      std::size_t inner = 0;
      for (const Json content : part["content"]) {
        if (!s) return s;
        const PartPlace inside{place.message, place.part, inner++, place.role};
        s = detail::check_part("tool-result", content, inside, each);
      }
      if (!s) return s;
      ++place.part;
    }
    ++place.message;
  }
  return {};
}

}  // namespace v1
}  // namespace gatehouse
