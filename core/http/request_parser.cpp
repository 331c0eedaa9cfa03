// A request head is read twice. scan_head() runs over the bytes as they arrive, on the server's
// poller: it only knows lines, limits and forbidden bytes, but it rejects garbage at the first bad
// byte and finds the end of the head. RequestParser then parses the complete head on the request's
// thread. Its grammar and framing are those of Boost.Beast, whose callbacks land in `Beast`; each
// check there closes a gap through which another implementation could read a different request
// (request smuggling). After a failure nothing is parsed any more: the end of the message, and with
// it the beginning of the next one, is unknown.
#include "core/http/request_parser.h"

#include <algorithm>
#include <utility>

#include "core/http/grammar.h"
#include "core/http/message_parser.h"
#include "core/text/number.h"
#include "core/text/visible.h"

namespace gatehouse::core {
namespace {

namespace http = boost::beast::http;

const Failure kBadRequest{400, "bad_request", "The request is not valid HTTP."};
const Failure kBadHost{400, "bad_host", "The request must have exactly one valid Host header."};
const Failure kBadLength{400, "bad_content_length", "Content-Length must be one decimal number."};
const Failure kBodyTooLarge{413, "body_too_large", "The request body is too large."};
const Failure kUriTooLong{414, "uri_too_long", "The request line is longer than 8 KiB."};
const Failure kBadExpectation{417, "expectation_failed",
                              "The only supported expectation is 100-continue."};
const Failure kHeadTooLarge{431, "head_too_large", "The request head is larger than 32 KiB."};
const Failure kTooManyHeaders{431, "too_many_headers",
                              "The request has more than 100 header fields."};
const Failure kUnknownEncoding{501, "unknown_transfer_encoding",
                               "The only supported transfer encoding is chunked."};
const Failure kUnknownVersion{505, "http_version_not_supported",
                              "The HTTP version must be 1.1 or 1.0."};

std::string_view std_view(boost::beast::string_view s) { return {s.data(), s.size()}; }

/// uri-host [ ":" port ] (RFC 9112 3.2) as far as it matters here: no character that ends a host,
/// and a port that is in range.
bool is_host(std::string_view host) {
  std::string_view port;
  if (const auto colon = host.rfind(':');
      colon != host.npos && host.find(']', colon) == host.npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (!port.empty() && !parse_number<std::uint16_t>(port)) return false;
  constexpr std::string_view kLegal =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~%!$&'()*+,;=[]:";
  return !host.empty() && host.find_first_not_of(kLegal) == host.npos;
}

/// The size of the "http://" or "https://" at the front, or 0. Both occur: TLS ends at a proxy in
/// front of the gateway.
std::size_t scheme_size(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (equals_ignoring_case(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

/// Whether the version of the request line has the form HTTP/d.d but is not supported.
bool is_other_version(std::string_view line) {
  const std::string_view version = line.substr(line.rfind(' ') + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 8 && version.substr(0, 5) == "HTTP/" && digit(version[5]) &&
         version[6] == '.' && digit(version[7]) && version != "HTTP/1.1" && version != "HTTP/1.0";
}

/// Scans one line further. False: all that was received has been scanned, or the head has ended or
/// is invalid.
bool scan_line(std::string_view received, HeadScan& scan) {
  const auto fail = [&scan](const Failure& failure) {
    scan.failure = failure;
    return false;
  };
  const std::size_t end = received.find('\n', scan.checked);
  const bool whole = end != received.npos;
  std::string_view fresh = received.substr(scan.checked, whole ? end - scan.checked : end);
  const bool has_cr = !fresh.empty() && fresh.back() == '\r';
  if (has_cr) fresh.remove_suffix(1);
  if ((whole && !has_cr) || !is_field_value(fresh)) return fail(kBadRequest);
  scan.checked += fresh.size();
  const std::string_view line = received.substr(scan.line, scan.checked - scan.line);
  if (scan.lines == 0 && line.size() > kMaxRequestLine) return fail(kUriTooLong);
  if ((whole ? end + 1 : received.size()) - scan.begin > kMaxHead) return fail(kHeadTooLarge);
  if (!whole) return false;
  scan.line = scan.checked = end + 1;
  if (line.empty()) {
    scan.end = scan.line;
    return false;
  }
  const bool is_folded = scan.lines > 0 && (line[0] == ' ' || line[0] == '\t');
  if (is_folded) return fail(kBadRequest);  // RFC 9112 5.2
  return ++scan.lines <= kMaxFields + 1 || fail(kTooManyHeaders);
}

}  // namespace

HeadScan scan_head(std::string_view received, HeadScan scan) {
  constexpr std::size_t kMaxBlankLines = 4;
  if (scan.failure || scan.end > 0) return scan;
  while (scan.checked == scan.begin && received.substr(scan.begin, 2) == "\r\n") {
    scan.begin = scan.line = scan.checked = scan.begin + 2;
    if (scan.begin > 2 * kMaxBlankLines) {
      scan.failure = kBadRequest;
      return scan;
    }
  }
  while (scan_line(received, scan)) {
  }
  return scan;
}

RequestHead rough_head(std::string_view head) {
  RequestHead out;
  const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
  const auto first = line.find(' ');
  if (first == line.npos) return out;
  out.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, line.find(' ', first + 1) - first - 1);
  out.path = target.substr(0, target.find('?'));

  for (auto end = head.find("\r\n"); end != head.npos && out.fields.size() < kMaxFields;) {
    const auto begin = end + 2;
    end = head.find("\r\n", begin);
    const std::string_view field = head.substr(begin, end - begin);
    const auto colon = field.find(':');
    if (field.empty() || colon == field.npos) break;
    const std::string_view value = trim(field.substr(colon + 1));
    if (is_token(field.substr(0, colon)) && is_field_value(value))
      out.fields.push_back({field.substr(0, colon), value});
  }
  return out;
}

struct RequestParser::Beast final : MessageParser<true> {
  RequestHead head;
  std::string body;
  std::size_t max_body = 0;
  std::optional<Failure> failure;
  std::size_t hosts = 0, encodings = 0, lengths = 0;
  bool in_trailer = false;

  Beast() : MessageParser(kMaxHead + 1) { head.fields.reserve(16); }

 private:
  void fail(ErrorCode& ec, const Failure& why) {
    if (!failure) failure = why;
    ec = http::error::bad_value;
  }

  void on_request_impl(http::verb, Text method, Text target, int version, ErrorCode& ec) override {
    head.method = std_view(method);
    head.http_1_0 = version == 10;
    std::string_view rest = std_view(target);
    if (!is_visible(rest)) return fail(ec, kBadRequest);
    const auto scheme = scheme_size(rest);
    if (scheme > 0) {  // absolute-form (RFC 9112 3.2.2): its authority replaces Host
      rest.remove_prefix(scheme);
      const auto slash = std::min(rest.find_first_of("/?"), rest.size());
      head.host = rest.substr(0, slash);
      rest.remove_prefix(slash);
      if (!is_host(head.host)) return fail(ec, kBadRequest);
    }
    const auto question = std::min(rest.find('?'), rest.size());
    head.path = scheme > 0 && question == 0 ? "/" : rest.substr(0, question);
    head.query = rest.substr(std::min(question + 1, rest.size()));
    const bool is_options = head.path == "*" && head.method == "OPTIONS";
    if (head.path.substr(0, 1) != "/" && !is_options && head.method != "CONNECT")
      fail(ec, kBadRequest);
  }

  void on_field_impl(http::field id, Text name, Text value, ErrorCode& ec) override {
    if (in_trailer) return;  // RFC 9110 6.5.1: a trailer changes neither framing nor identity
    const Field field{std_view(name), std_view(value)};
    switch (id) {
      case http::field::host: take_host(field.value, ec); break;
      case http::field::transfer_encoding: take_encoding(field.value, ec); break;
      case http::field::content_length: take_length(field.value, ec); break;
      case http::field::expect: take_expectation(field.value, ec); break;
      default: break;
    }
    if (!ec) head.fields.push_back(field);
  }
  void take_host(std::string_view value, ErrorCode& ec) {
    if (++hosts > 1 || !is_host(value)) return fail(ec, kBadHost);
    if (head.host.empty()) head.host = value;
  }
  void take_encoding(std::string_view value, ErrorCode& ec) {
    if (head.http_1_0 || ++encodings > 1) return fail(ec, kBadRequest);
    if (!equals_ignoring_case(value, "chunked")) fail(ec, kUnknownEncoding);
  }
  void take_length(std::string_view value, ErrorCode& ec) {
    head.content_length = parse_number<std::uint64_t>(value);
    if (++lengths > 1 || !head.content_length) fail(ec, kBadLength);
  }
  void take_expectation(std::string_view value, ErrorCode& ec) {
    if (!equals_ignoring_case(value, "100-continue")) return fail(ec, kBadExpectation);
    head.expects_continue = !head.http_1_0;
  }

  void on_header_impl(ErrorCode& ec) override {
    MessageParser::on_header_impl(ec);
    in_trailer = true;
    if (hosts == 0 && !head.http_1_0) return fail(ec, kBadHost);
    if (chunked() && lengths > 0) return fail(ec, kBadRequest);
    head.keep_alive = keep_alive() && !head.http_1_0;
  }

  void take(Text bytes, ErrorCode& ec) override {
    if (body.size() + bytes.size() > max_body) return fail(ec, kBodyTooLarge);
    body.append(bytes.data(), bytes.size());
  }

  void check_chunk(std::uint64_t size, Text extensions, ErrorCode& ec) override {
    if (size > max_body) return fail(ec, kBodyTooLarge);
    // RFC 9112 7.1.1 allows spaces around what follows the size only for the sake of old senders,
    // and they can hide smuggling.
    const bool spaced = extensions.find_first_of(" \t") < extensions.find_first_of("\"");
    if (!is_field_value(std_view(extensions)) || spaced) fail(ec, kBadRequest);
  }
};

RequestParser::RequestParser() : beast_(std::make_unique<Beast>()) {}
RequestParser::~RequestParser() = default;

std::optional<Failure> RequestParser::parse_head(std::string_view head) {
  if (is_other_version(head.substr(0, head.find('\r')))) return kUnknownVersion;
  Beast::ErrorCode ec;
  beast_->put({head.data(), head.size()}, ec);
  // After an incomplete line the parser waits for more, but there is none.
  if ((ec && ec != http::error::need_more) || !beast_->is_header_done())
    return beast_->failure ? beast_->failure : kBadRequest;
  return std::nullopt;
}

const RequestHead& RequestParser::head() const { return beast_->head; }

std::optional<Failure> RequestParser::parse_body(std::string_view& bytes, std::size_t max_body) {
  // The most that a chunk line or a trailer may take; data is consumed as it arrives.
  constexpr std::size_t kMaxPending = 8 * 1024;
  if (beast_->failure) return beast_->failure;
  beast_->max_body = max_body;
  if (const auto& length = beast_->head.content_length) {
    if (*length > max_body) return kBodyTooLarge;
    if (beast_->body.empty()) beast_->body.reserve(static_cast<std::size_t>(*length));
  }
  if (beast_->feed(bytes)) {
    if (!beast_->failure) beast_->failure = kBadRequest;
    return beast_->failure;
  }
  if (!complete() && bytes.size() > kMaxPending) return kBadRequest;
  return std::nullopt;
}

bool RequestParser::complete() const { return beast_->is_done(); }
const std::string& RequestParser::body() const { return beast_->body; }
std::string RequestParser::take_body() { return std::exchange(beast_->body, {}); }

}  // namespace gatehouse::core
