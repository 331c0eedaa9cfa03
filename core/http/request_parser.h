#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/failure.h"

namespace gatehouse::core {

/// Limits of a request head; those of nginx and HAProxy have the same order of magnitude.
inline constexpr std::size_t kMaxRequestLine = 8 * 1024;
inline constexpr std::size_t kMaxHead = 32 * 1024;
inline constexpr std::size_t kMaxFields = 100;

struct Field {
  std::string_view name, value;
};

/// A valid request head; views into the text it was parsed from.
struct RequestHead {
  std::string_view method;
  std::string_view path;   // begins with '/', or is "*"
  std::string_view query;  // without the question mark
  // As in Host or the target, with the port if there is one; empty only in HTTP/1.0.
  std::string_view host;
  std::vector<Field> fields;
  std::optional<std::uint64_t> content_length;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
};

/// How far the head of a request has been scanned.
struct HeadScan {
  std::size_t begin = 0;  // after blank lines (RFC 9112 2.2)
  std::size_t end = 0;    // 0: the head is incomplete
  std::optional<Failure> failure;

  std::size_t lines = 0;    // number of complete lines
  std::size_t line = 0;     // where the next line begins
  std::size_t checked = 0;  // the bytes before it are valid
};
/// Finds the end of a head, or what no valid head may contain, so that garbage is rejected before
/// its end arrives. Continues where `scan` ended when less had been received.
HeadScan scan_head(std::string_view received, HeadScan scan = {});

/// What can be read of a rejected head, for the response and the log: method and target, if the
/// request line has that form, and the header fields that are valid by themselves. Must not be used
/// to decide anything.
RequestHead rough_head(std::string_view head);

/// Reads one request: a head that scan_head() found complete, then the body in any pieces. Grammar
/// and framing are checked by the parser of Boost.Beast; what it leaves to its users is checked
/// here (RFC 9112 3.2, 5.2, 6.1, 6.3).
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();

  /// `head` must outlive this object.
  std::optional<Failure> parse_head(std::string_view head);
  const RequestHead& head() const;

  /// Consumes from the front of `bytes` what belongs to this request; what is left once complete()
  /// belongs to the next one.
  std::optional<Failure> parse_body(std::string_view& bytes, std::size_t max_body);
  /// The whole message has been parsed.
  bool complete() const;
  const std::string& body() const;
  /// Moves the body out.
  std::string take_body();

 private:
  struct Beast;
  std::unique_ptr<Beast> beast_;
};

}  // namespace gatehouse::core
