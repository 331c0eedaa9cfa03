/// Short bodies of an upstream, and what of an error is fit for the log.
#pragma once

#include <cstddef>
#include <string>

#include "gatehouse/http.hpp"
#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

/// Appends the body of a response that is no stream, or its beginning: errors and counts of the
/// known APIs have a few KiB, and of a longer error the status is enough. Fails where it broke off.
inline Status read_short_body(HttpResponse& response, std::string& body) {
  constexpr std::size_t kMost = 64 * 1024;
  while (body.size() < kMost) {
    auto piece = response.read();
    if (!piece) return piece.error();
    if (!*piece) break;
    body.append(**piece);
  }
  return {};
}

/// The body of an error response, as far as it came.
inline std::string read_error_body(HttpResponse& response) {
  std::string body;
  (void)read_short_body(response, body);
  return body;
}

/// A text of an upstream for Fail::detail: without the key, which it may quote, and cut after 500
/// bytes, as the rest of a long message repeats the request.
inline std::string loggable(std::string text, View key) {
  constexpr std::size_t kMost = 500;
  constexpr View kInstead = "[key]";
  std::size_t at = key.empty() ? text.npos : text.find(key);
  for (; at != text.npos; at = text.find(key, at + kInstead.size()))
    text.replace(at, key.size(), kInstead);
  return std::string(cut_utf8(text, kMost));
}

}  // namespace v1
}  // namespace gatehouse
