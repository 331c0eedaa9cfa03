/// Requests on one connection, as the server cuts them from what it receives.
#include <algorithm>

#include "core/http/grammar.h"
#include "core/http/request_parser.h"
#include "require.h"

namespace gatehouse::core {
namespace {

constexpr std::size_t kMaxBody = 1 << 20;

struct Request {
  std::string method, path, query, body;
  bool operator==(const Request&) const = default;
};

bool has(const RequestHead& head, std::string_view name) {
  return std::any_of(head.fields.begin(), head.fields.end(),
                     [name](const Field& f) { return equals_ignoring_case(f.name, name); });
}

void check_head(const RequestHead& head) {
  const auto visible = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  };
  require(is_token(head.method), "a method is a token");
  require(!head.path.empty() && visible(head.path) && visible(head.query),
          "a target is visible ASCII");
  require(head.http_1_0 || !head.host.empty(), "a request of HTTP/1.1 names its host");
  require(head.fields.size() <= kMaxFields, "there are at most kMaxFields fields");
  require(!(has(head, "Content-Length") && has(head, "Transfer-Encoding")),
          "a body has one framing");
  for (const Field& field : head.fields) {
    require(is_token(field.name), "the name of a field is a token");
    require(is_field_value(field.value), "the value of a field has no control characters");
  }
}

/// The whole requests; nothing after one that fails.
std::vector<Request> read(std::string_view bytes, std::size_t piece) {
  std::vector<Request> out;
  std::string received, head_text;
  HeadScan scan;
  std::optional<RequestParser> parser;
  const auto failed = [](const std::optional<Failure>& failure) {
    require(!failure || (failure->http_status >= 400 && failure->http_status < 600),
            "a failure has an error status");
    return failure.has_value();
  };
  while (!bytes.empty()) {
    received += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      if (!parser) {
        scan = scan_head(received, scan);
        if (failed(scan.failure)) return out;
        if (scan.end == 0) break;
        head_text = received.substr(scan.begin, scan.end - scan.begin);
        received.erase(0, scan.end);
        scan = {};
        parser.emplace();
        if (failed(parser->parse_head(head_text))) return out;
        check_head(parser->head());
      }
      std::string_view rest = received;
      const auto failure = parser->parse_body(rest, kMaxBody);
      received.assign(rest);
      if (failed(failure)) return out;
      if (!parser->complete()) break;
      const RequestHead& head = parser->head();
      require(parser->body().size() <= kMaxBody, "a body is not larger than allowed");
      require(!head.content_length || *head.content_length == parser->body().size(),
              "a body is as long as Content-Length says");
      out.push_back({std::string(head.method), std::string(head.path), std::string(head.query),
                     parser->body()});
      parser.reset();
    }
  }
  return out;
}

}  // namespace
}  // namespace gatehouse::core

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::core;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = read(bytes, std::max<std::size_t>(size, 1));
  if (size > 4096) return 0;  // beyond, limits are met earlier in what comes in pieces
  for (const std::size_t piece : {1, 7}) {
    require(read(bytes, piece) == whole, "requests do not depend on the pieces they come in");
  }
  return 0;
}
