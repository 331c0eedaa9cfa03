// A request takes an idle connection or opens one, writes head and body, and reads the head of the
// response. The HttpResponse then owns the connection: its reader pulls the body in pieces,
// straight from the socket through Boost.Beast's parser, and its destructor returns the connection
// to the client if the body was read to the end, or closes it. There is no thread and no queue
// here; every wait is one of the request's Waiter.
//
// A server may close an idle connection at the very moment a request is sent on it. That is why a
// request that meets the end of a kept connection is retried, as long as the server cannot have
// processed it.
#include "core/http/client.h"

#include <Poco/Exception.h>
#include <Poco/URI.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "core/http/message_parser.h"
#include "core/net/io.h"
#include "core/text/visible.h"
#include "core/version.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using Poco::Net::StreamSocket;

// Up to here copying the body behind the head is cheaper than a second send(2).
constexpr std::size_t kJoin = 64 * 1024;
constexpr std::uint32_t kMaxResponseHead = 64 * 1024;
constexpr std::size_t kMaxIdle = 1024;
constexpr auto kMaxIdleTime = 60s;

/// RFC 9110 9.2.2.
bool is_idempotent(std::string_view method) {
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

Error malformed() { return {Error::broken, "the response is not valid HTTP"}; }

}  // namespace

struct HttpResponse::Parser final : MessageParser<false> {
  const bool to_head;
  int code = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  /// `to_head_request`: the response has the headers of a body, but no body.
  explicit Parser(bool to_head_request)
      : MessageParser(kMaxResponseHead), to_head(to_head_request) {
    skip(to_head);
    fields.reserve(8);  // of most responses
  }

  /// Consumes what it can from the front of `bytes`; false: this is not HTTP.
  bool take_from(std::string_view& bytes) {
    body.reserve(body.size() + bytes.size());
    return !feed(bytes) && (is_done() || bytes.size() <= kMaxResponseHead);
  }

 private:
  void on_response_impl(int status, Text, int, ErrorCode&) override { code = status; }
  void on_field_impl(boost::beast::http::field, Text name, Text value, ErrorCode& ec) override {
    // Beast's own limit does not count a head that is there whole.
    head_size_ += name.size() + value.size();
    if (head_size_ > kMaxResponseHead) ec = boost::beast::http::error::header_limit;
    fields.emplace_back(std::string(name), std::string(value));
  }
  void take(Text bytes, ErrorCode&) override { body.append(bytes.data(), bytes.size()); }

  std::size_t head_size_ = 0;  // of its fields
};

HttpResponse::HttpResponse(HttpClient& client, StreamSocket socket, Clock::time_point expires,
                           Waiter& waiter, bool to_head, Clock::duration event)
    : client_(client),
      socket_(std::move(socket)),
      watch_(Loop::of_fiber(), socket_.impl()->sockfd()),
      expires_(expires),
      waiter_(waiter),
      event_(event),
      parser_(std::make_unique<Parser>(to_head)) {}

HttpResponse::~HttpResponse() {
  if (parser_->is_done() && parser_->keep_alive() && pending_.empty())
    client_.keep({std::move(socket_), expires_}, keeps_for());
}

/// One second less than the server promises: a request that arrives when the time is up would be
/// lost.
Clock::duration HttpResponse::keeps_for() const {
  constexpr std::string_view kTimeout = "timeout=";  // draft-thomson-hybi-http-timeout-03, 2.1
  const std::string_view value = header("Keep-Alive");
  for (std::size_t at = 0; at < value.size(); ++at) {
    if (!equals_ignoring_case(value.substr(at, kTimeout.size()), kTimeout)) continue;
    std::uint32_t seconds = 0;
    const char* const end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data() + at + kTimeout.size(), end, seconds);
    if (parsed.ec != std::errc()) break;
    return std::min<Clock::duration>(kMaxIdleTime, std::chrono::seconds(seconds) - 1s);
  }
  return kMaxIdleTime;
}

int HttpResponse::status() const { return parser_->code; }

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : parser_->fields) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return {};
}

const std::vector<std::pair<std::string, std::string>>& HttpResponse::headers() const {
  return parser_->fields;
}

/// Parses what is pending and then `bytes`. False: this is not HTTP.
bool HttpResponse::parse(std::string_view bytes) {
  if (!pending_.empty()) bytes = pending_.append(bytes);
  const bool is_http = parser_->take_from(bytes);
  pending_.assign(bytes);
  return is_http;
}

/// Reads and parses once.
Result<void> HttpResponse::receive(Clock::time_point until) {
  const auto read = read_some(socket_, waiter_, until);
  if (!read) return read.error();
  if (!read->empty()) {
    has_begun_ = true;
    if (!parse(*read)) return malformed();
    return {};
  }
  Parser::ErrorCode incomplete;
  if (parser_->got_some()) parser_->put_eof(incomplete);
  if (!parser_->got_some() || incomplete)
    return Error{Error::broken, "the connection was closed before the end of the response"};
  return {};
}

Result<void> HttpResponse::read_head(Clock::duration first_byte) {
  const auto until = Clock::now() + first_byte;
  for (;;) {
    if (parser_->is_header_done() && parser_->code / 100 != 1) return {};
    if (parser_->is_header_done()) {  // 1xx: the final response follows
      parser_ = std::make_unique<Parser>(parser_->to_head);
      if (!parse({})) return malformed();
    } else if (const auto received = receive(until); !received) {
      return received.error();
    }
  }
}

Result<std::string_view> HttpResponse::read() {
  piece_.clear();
  if (const auto received = read_body(Clock::time_point::max()); !received) return received.error();
  piece_.swap(parser_->body);
  return std::string_view(piece_);
}

/// Reads until a piece of the body has arrived, or its end.
Result<void> HttpResponse::read_body(Clock::time_point until) {
  until = std::min(until, Clock::now() + client_.options_.idle);
  while (parser_->body.empty() && !parser_->is_done()) {
    if (const auto received = receive(until); !received) return received.error();
  }
  return {};
}

Result<std::optional<SseReader::Event>> HttpResponse::next_event() {
  const auto until = event_.count() > 0 ? Clock::now() + event_ : Clock::time_point::max();
  // Thousands of events may have arrived at once, which take no wait to read.
  const Wake wake = waiter_.glance();
  if (wake == Wake::gone || wake == Wake::cancelled) return as_error(wake, Error::timeout, {});
  for (;;) {
    if (auto event = events_.next()) return event;
    if (events_.too_large()) {
      const std::string limit = std::to_string(kMaxSseEvent >> 20);
      return Error{Error::too_large, "a server-sent event is larger than " + limit + " MiB"};
    }
    if (const auto received = read_body(until); !received) return received.error();
    if (parser_->body.empty()) return std::optional<SseReader::Event>();
    events_.take(parser_->body);
  }
}

HttpClient::HttpClient(Options options)
    : options_(std::move(options)),
      origin_(Origin::parse(options_.base_url)),
      proxy_(options_.proxy ? options_.proxy(origin_.server) : std::nullopt) {}

HttpClient::Origin HttpClient::Origin::parse(const std::string& text) {
  try {
    const Poco::URI url(text);
    if (url.getScheme() != "http" && url.getScheme() != "https")
      throw std::invalid_argument("must begin with http:// or https://");
    const std::string& host = url.getHost();
    if (host.empty() || !is_visible(host)) throw std::invalid_argument("has no valid host");
    if (!url.getUserInfo().empty() || !url.getRawQuery().empty() || !url.getFragment().empty())
      throw std::invalid_argument("must consist of scheme, host, port and path only");
    std::string path = url.getPathEtc();
    if (!path.empty() && path.back() == '/') path.pop_back();
    return {{host, url.getPort(), url.getScheme() == "https"}, url.getAuthority(), path};
  } catch (const Poco::SyntaxException&) {
    throw std::invalid_argument("is not a URL");
  }
}

/// That of the calling thread.
HttpClient::Pool& HttpClient::pool() {
  const Loop* const loop = Loop::of_fiber();
  return pools_[loop ? loop->number() % pools_.size() : 0];
}

std::optional<HttpClient::Connection> HttpClient::take_idle() {
  Pool& own = pool();
  for (;;) {
    std::optional<Connection> connection;
    {
      const std::lock_guard lock(own.mutex);
      if (own.idle.empty()) return std::nullopt;
      Idle& last = own.idle.back();
      if (Clock::now() < last.until) connection = std::move(last.connection);
      own.idle.pop_back();
    }
    if (connection && is_quiet(connection->socket)) return connection;
  }
}

void HttpClient::keep(Connection connection, Clock::duration time) {
  const auto now = Clock::now(), until = std::min(now + time, connection.expires);
  Pool& own = pool();
  const std::lock_guard lock(own.mutex);
  // After a burst the connections at the front would never be taken again, nor closed.
  own.idle.erase(own.idle.begin(),
                 std::find_if(own.idle.begin(), own.idle.end(),
                              [&](const Idle& idle) { return now < idle.until; }));
  if (now < until && own.idle.size() < kMaxIdle) own.idle.push_back({std::move(connection), until});
}

Result<HttpClient::Connection> HttpClient::connect(Waiter& waiter) const {
  const auto began = Clock::now();
  const auto until = began + options_.connect;
  auto socket = options_.dial ? options_.dial(waiter, until)
                              : core::connect(origin_.server, waiter, until, proxy_);
  if (!socket) return socket.error();
  return Connection{*std::move(socket), began + options_.life};
}

std::string HttpClient::head_of(const Request& request) const {
  std::string head;
  head.reserve(512);
  head.append(request.method).append(" ");
  if (talks_to_proxy()) head.append("http://").append(origin_.authority);  // RFC 9112 3.2.2
  head.append(origin_.base_path).append(request.path);
  head.append(" HTTP/1.1\r\nHost: ").append(origin_.authority).append("\r\n");
  if (talks_to_proxy() && !proxy_->authorization.empty())
    head.append("Proxy-Authorization: ").append(proxy_->authorization).append("\r\n");
  bool has_agent = false;
  for (const auto& [name, value] : request.headers) {
    head.append(name).append(": ").append(value).append("\r\n");
    has_agent = has_agent || equals_ignoring_case(name, "User-Agent");
  }
  if (!has_agent) head.append("User-Agent: gatehouse/").append(kVersion).append("\r\n");
  const bool expects_body = request.method == "POST" || request.method == "PUT" ||
                            request.method == "PATCH";  // RFC 9110 8.6
  if (!request.body.empty() || expects_body)
    head.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  return head.append("\r\n");
}

Result<std::unique_ptr<HttpResponse>> HttpClient::send(const Request& request, Waiter& waiter) {
  std::string head = head_of(request);
  std::string_view body = request.body;
  if (body.size() <= kJoin) {
    head.append(body);
    body = {};
  }
  const auto first_byte = request.first_byte.count() > 0 ? request.first_byte : options_.first_byte;

  for (auto connection = take_idle();; connection.reset()) {
    const bool kept = connection.has_value();
    if (!kept) {
      auto connected = connect(waiter);
      if (!connected) return connected.error();
      connection = *std::move(connected);
    }
    auto written = write_all(connection->socket, head, waiter, first_byte);
    if (written) written = write_all(connection->socket, body, waiter, first_byte);
    // A server that rejects a large body may respond and close before it has received all of it:
    // the response says why (RFC 9112 9.5).
    if (!written && written.error().kind != Error::broken) return written.error();

    std::unique_ptr<HttpResponse> response(
        new HttpResponse(*this, std::move(connection->socket), connection->expires, waiter,
                         request.method == "HEAD", request.event));
    const auto answered = response->read_head(first_byte);
    if (answered && response->status() == 407 && talks_to_proxy())
      return refusal(*proxy_, origin_.authority, 407);
    if (answered) return response;
    const bool was_closed = kept && answered.error().kind == Error::broken && !response->has_begun_;
    if (!was_closed || (written && !is_idempotent(request.method))) return answered.error();
  }
}

}  // namespace gatehouse::core
