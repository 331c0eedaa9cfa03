#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

/// Limits of a request head. nginx and HAProxy have the same orders of magnitude.
inline constexpr std::size_t kMaxRequestLine = 8 * 1024;
inline constexpr std::size_t kMaxHead = 32 * 1024;
inline constexpr std::size_t kMaxFields = 100;

/// Why a message is not accepted: the status and the sentence of the answer.
struct Refusal {
  int status;
  const char* code;
  const char* message;
};

struct Field {
  std::string_view name, value;
};

/// A request head that follows the rules; views into the text it was parsed from.
struct RequestHead {
  std::string_view method;
  std::string_view path;   // begins with '/', or is "*"
  std::string_view query;  // without the question mark
  std::string_view
      host;  // as in Host or the target, with the port if it is there; empty only in HTTP/1.0
  std::vector<Field> fields;
  std::optional<std::uint64_t> content_length;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
};

/// Where a head stands in what has arrived of it.
struct HeadScan {
  std::size_t begin = 0;  // blank lines before it (RFC 9112 2.2)
  std::size_t end = 0;    // 0: not all of it is there
  std::optional<Refusal> refusal;

  std::size_t lines = 0;    // that are whole
  std::size_t line = 0;     // where the next one begins
  std::size_t checked = 0;  // up to here nothing is wrong with it
};
/// Finds the end of a head, or what no valid head may contain: so that nonsense is refused before
/// its end comes. Goes on where `scan` stood when less had been received.
HeadScan scan_head(std::string_view received, HeadScan scan = {});

/// What can be read of a head that is refused, for the answer to it and the log: method and target,
/// if the request line has that form, and the header fields that are legal by themselves. Nothing
/// may be concluded from it.
RequestHead rough_head(std::string_view head);

/// Reads one request: a head that scan_head() found complete, then the body from whatever pieces it
/// comes in. Grammar and framing are those of Boost.Beast's parser; the checks that it leaves to
/// its users are here (RFC 9112 3.2, 5.2, 6.1, 6.3).
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();

  /// `head` must outlive this object.
  std::optional<Refusal> parse_head(std::string_view head);
  const RequestHead& head() const;

  /// Takes from the front of `bytes` what belongs to this request; what is left when complete() is
  /// the next one's.
  std::optional<Refusal> parse_body(std::string& bytes, std::size_t max_body);
  /// The whole message has been parsed.
  bool complete() const;
  const std::string& body() const;
  /// The body moves out of it.
  std::string take_body();

 private:
  struct Beast;
  std::unique_ptr<Beast> beast_;
};

}  // namespace gatehouse::core
