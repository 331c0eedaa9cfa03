#include "core/http/request_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/http/grammar.h"
#include "core/http/message_parser.h"

namespace gatehouse::core {
namespace {

namespace http = boost::beast::http;

constexpr Refusal kBadRequest{400, "bad_request", "The request is not valid HTTP."};

std::string_view std_view(boost::beast::string_view s) { return {s.data(), s.size()}; }

std::optional<std::uint64_t> parse_length(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    return std::nullopt;
  return value;
}

/// uri-host [ ":" port ] (RFC 9112 3.2) as far as it matters here: nothing that ends a host, and a
/// port that can be.
bool is_host(std::string_view host) {
  std::string_view port;
  if (const auto colon = host.rfind(':');
      colon != host.npos && host.find(']', colon) == host.npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  const auto number = parse_length(port);
  if (!port.empty() && (!number || *number > 65535)) return false;
  return !host.empty() &&
         host.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~%!$&'()*+,;=[]:") ==
             host.npos;
}

/// Of the "http://" or "https://" at its front; 0: it begins with neither. TLS ends at a proxy in
/// front of the gateway.
std::size_t scheme_size(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (equals_ignoring_case(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

/// Whether the version of the request line has the form HTTP/d.d but is none of ours.
bool is_other_version(std::string_view line) {
  const std::string_view version = line.substr(line.rfind(' ') + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 8 && version.substr(0, 5) == "HTTP/" && digit(version[5]) &&
         version[6] == '.' && digit(version[7]) && version != "HTTP/1.1" && version != "HTTP/1.0";
}

}  // namespace

HeadScan scan_head(std::string_view received, HeadScan scan) {
  const auto refuse = [&](const Refusal& why) {
    scan.refusal = why;
    return scan;
  };
  if (scan.refusal || scan.end > 0) return scan;
  constexpr std::size_t kMaxBlankLines = 4;
  while (scan.checked == scan.begin && received.substr(scan.begin, 2) == "\r\n") {
    scan.begin = scan.line = scan.checked = scan.begin + 2;
    if (scan.begin > 2 * kMaxBlankLines) return refuse(kBadRequest);
  }
  for (;;) {
    const std::size_t end = received.find('\n', scan.checked);
    const bool whole = end != received.npos;
    std::string_view fresh = received.substr(scan.checked, whole ? end - scan.checked : end);
    const bool has_cr = !fresh.empty() && fresh.back() == '\r';
    if (has_cr) fresh.remove_suffix(1);
    if ((whole && !has_cr) || !is_field_value(fresh)) return refuse(kBadRequest);
    scan.checked += fresh.size();
    const std::string_view line = received.substr(scan.line, scan.checked - scan.line);
    if (scan.lines == 0 && line.size() > kMaxRequestLine)
      return refuse({414, "uri_too_long", "The request line is longer than 8 KiB."});
    if ((whole ? end + 1 : received.size()) - scan.begin > kMaxHead)
      return refuse({431, "head_too_large", "The request head is larger than 32 KiB."});
    if (!whole) return scan;
    scan.line = scan.checked = end + 1;
    if (line.empty()) {
      scan.end = scan.line;
      return scan;
    }
    if (scan.lines > 0 && (line[0] == ' ' || line[0] == '\t'))
      return refuse(kBadRequest);  // RFC 9112 5.2: folded
    if (++scan.lines > kMaxFields + 1)
      return refuse({431, "too_many_headers", "The request has more than 100 header fields."});
  }
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
  std::optional<Refusal> refusal;
  std::size_t hosts = 0, encodings = 0, lengths = 0;
  bool in_trailer = false;

  Beast() : MessageParser(kMaxHead + 1) { head.fields.reserve(16); }

 private:
  void refuse(Error& ec, const Refusal& why) {
    if (!refusal) refusal = why;
    ec = http::error::bad_value;
  }

  void on_request_impl(http::verb, Text method, Text target, int version, Error& ec) override {
    head.method = std_view(method);
    head.http_1_0 = version == 10;
    std::string_view rest = std_view(target);
    if (!std::all_of(rest.begin(), rest.end(),
                     [](unsigned char c) { return c > 0x20 && c < 0x7f; }))
      return refuse(ec, kBadRequest);
    const auto scheme = scheme_size(rest);
    if (scheme > 0) {  // absolute-form (RFC 9112 3.2.2): its authority replaces Host
      rest.remove_prefix(scheme);
      const auto slash = std::min(rest.find_first_of("/?"), rest.size());
      head.host = rest.substr(0, slash);
      rest.remove_prefix(slash);
      if (!is_host(head.host)) return refuse(ec, kBadRequest);
    }
    const auto question = std::min(rest.find('?'), rest.size());
    head.path = scheme > 0 && question == 0 ? "/" : rest.substr(0, question);
    head.query = rest.substr(std::min(question + 1, rest.size()));
    if (head.path.substr(0, 1) != "/" && !(head.path == "*" && head.method == "OPTIONS") &&
        head.method != "CONNECT")
      refuse(ec, kBadRequest);
  }

  void on_field_impl(http::field id, Text name_, Text value_, Error& ec) override {
    if (in_trailer) return;  // RFC 9110 6.5.1: a trailer changes neither framing nor identity
    const std::string_view name = std_view(name_), value = std_view(value_);
    switch (id) {
      case http::field::host:
        if (++hosts > 1 || !is_host(value))
          return refuse(ec,
                        {400, "bad_host", "The request must have exactly one valid Host header."});
        if (head.host.empty()) head.host = value;
        break;
      case http::field::transfer_encoding:
        if (head.http_1_0 || ++encodings > 1) return refuse(ec, kBadRequest);
        if (!equals_ignoring_case(value, "chunked"))
          return refuse(
              ec, {501, "unknown_transfer_encoding", "The only transfer encoding is chunked."});
        break;
      case http::field::content_length:
        head.content_length = parse_length(value);
        if (++lengths > 1 || !head.content_length)
          return refuse(ec,
                        {400, "bad_content_length", "Content-Length must be one decimal number."});
        break;
      case http::field::expect:
        if (!equals_ignoring_case(value, "100-continue"))
          return refuse(ec, {417, "expectation_failed", "The only expectation is 100-continue."});
        head.expects_continue = !head.http_1_0;
        break;
      default: break;
    }
    head.fields.push_back({name, value});
  }

  void on_header_impl(Error& ec) override {
    MessageParser::on_header_impl(ec);
    in_trailer = true;
    if (hosts == 0 && !head.http_1_0)
      return refuse(ec, {400, "bad_host", "The request must have exactly one valid Host header."});
    if (chunked() && lengths > 0) return refuse(ec, kBadRequest);
    head.keep_alive = keep_alive() && !head.http_1_0;
  }

  void take(Text bytes, Error& ec) override {
    if (body.size() + bytes.size() > max_body)
      return refuse(ec, {413, "body_too_large", "The request body is too large."});
    body.append(bytes.data(), bytes.size());
  }

  void check_chunk(std::uint64_t size, Text extensions, Error& ec) override {
    if (size > max_body)
      return refuse(ec, {413, "body_too_large", "The request body is too large."});
    // RFC 9112 7.1.1 allows spaces around what follows the size only for the sake of old senders:
    // they hide smuggling.
    const bool spaced = extensions.find_first_of(" \t") < extensions.find_first_of("\"");
    if (!is_field_value(std_view(extensions)) || spaced) refuse(ec, kBadRequest);
  }
};

RequestParser::RequestParser() : beast_(std::make_unique<Beast>()) {}
RequestParser::~RequestParser() = default;

std::optional<Refusal> RequestParser::parse_head(std::string_view head) {
  if (is_other_version(head.substr(0, head.find('\r'))))
    return Refusal{505, "http_version_not_supported", "The HTTP version must be 1.1 or 1.0."};
  Beast::Error ec;
  beast_->put({head.data(), head.size()}, ec);
  // A line that breaks off makes the parser wait for more, which there is not.
  if ((ec && ec != http::error::need_more) || !beast_->is_header_done())
    return beast_->refusal ? *beast_->refusal : kBadRequest;
  return std::nullopt;
}

const RequestHead& RequestParser::head() const { return beast_->head; }

std::optional<Refusal> RequestParser::parse_body(std::string& bytes, std::size_t max_body) {
  // A chunk line or trailer must come to its end within this; data is consumed as it comes.
  constexpr std::size_t kMaxPending = 8 * 1024;
  if (beast_->refusal) return beast_->refusal;  // where the message ends, nobody knows any more
  beast_->max_body = max_body;
  if (const auto& length = beast_->head.content_length; length && *length > max_body)
    return Refusal{413, "body_too_large", "The request body is too large."};
  if (beast_->head.content_length && beast_->body.empty())
    beast_->body.reserve(static_cast<std::size_t>(*beast_->head.content_length));
  if (beast_->feed(bytes)) {
    if (!beast_->refusal) beast_->refusal = kBadRequest;
    return beast_->refusal;
  }
  if (!complete() && bytes.size() > kMaxPending) return kBadRequest;
  return std::nullopt;
}

bool RequestParser::complete() const { return beast_->is_done(); }
const std::string& RequestParser::body() const { return beast_->body; }
std::string RequestParser::take_body() { return std::exchange(beast_->body, {}); }

}  // namespace gatehouse::core
