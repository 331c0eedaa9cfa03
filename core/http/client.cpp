#include "core/http/client.h"

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
#include <Poco/URI.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "core/http/grammar.h"
#include "core/http/message_parser.h"
#include "core/net/dial.h"
#include "core/net/io.h"
#include "core/net/resolver.h"
#include "core/net/tls.h"
#include "core/version.h"

namespace gatehouse::core {
namespace {

using Poco::Net::StreamSocket;

constexpr std::size_t kReadSize =
    4 * 1024;  // most events; a stack page that is touched stays with its thread
constexpr std::uint32_t kMaxAnswerHead = 64 * 1024;
constexpr std::size_t kMaxIdle = 1024;
constexpr auto kMaxIdleTime = std::chrono::seconds(60);

HttpProblem problem(Io io, HttpProblem::Kind when_broken, std::string detail) {
  switch (io) {
    case Io::timeout: return {HttpProblem::timeout, std::move(detail)};
    case Io::gone: return {HttpProblem::gone, {}};
    case Io::cancelled: return {HttpProblem::cancelled, {}};
    default: return {when_broken, std::move(detail)};
  }
}

/// RFC 9110 9.2.2.
bool is_idempotent(std::string_view method) {
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

}  // namespace

struct HttpAnswer::Parser final : MessageParser<false> {
  const bool to_head;
  int code = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  /// `to_head`: of the answer to a HEAD request, which has the headers of a body but no body.
  explicit Parser(bool to_head_request) : MessageParser(kMaxAnswerHead), to_head(to_head_request) {
    skip(to_head);
  }

  /// Takes what it can from the front of `bytes`; false: this is not HTTP.
  bool take_from(std::string& bytes) {
    return !feed(bytes) && (is_done() || bytes.size() <= kMaxAnswerHead);
  }

 private:
  void on_response_impl(int status, Text, int, Error&) override { code = status; }
  void on_field_impl(boost::beast::http::field, Text name, Text value, Error&) override {
    fields.emplace_back(std::string(name), std::string(value));
  }
  void take(Text bytes, Error&) override { body.append(bytes.data(), bytes.size()); }
};

HttpAnswer::HttpAnswer(HttpClient& client, StreamSocket socket, Clock::time_point expires,
                       Waiter& waiter, bool to_head, Clock::duration event)
    : client_(client),
      socket_(std::move(socket)),
      expires_(expires),
      waiter_(waiter),
      event_(event),
      parser_(std::make_unique<Parser>(to_head)) {}

HttpAnswer::~HttpAnswer() {
  if (parser_->is_done() && parser_->keep_alive() && pending_.empty())
    client_.keep({std::move(socket_), expires_}, keeps_for());
}

/// A second less than the server says: a request on its way at the end of that time would be lost.
Clock::duration HttpAnswer::keeps_for() const {
  constexpr std::string_view kTimeout = "timeout=";  // draft-thomson-hybi-http-timeout-03, 2.1
  const std::string_view said = header("Keep-Alive");
  for (std::size_t at = 0; at < said.size(); ++at) {
    if (!equals_ignoring_case(said.substr(at, kTimeout.size()), kTimeout)) continue;
    std::uint32_t seconds = 0;
    const auto [end, error] =
        std::from_chars(said.data() + at + kTimeout.size(), said.data() + said.size(), seconds);
    if (error != std::errc()) break;
    return std::min<Clock::duration>(kMaxIdleTime,
                                     std::chrono::seconds(seconds) - std::chrono::seconds(1));
  }
  return kMaxIdleTime;
}

int HttpAnswer::status() const { return parser_->code; }

std::string_view HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : parser_->fields) {
    if (boost::beast::iequals({key.data(), key.size()}, {name.data(), name.size()})) return value;
  }
  return {};
}

const std::vector<std::pair<std::string, std::string>>& HttpAnswer::headers() const {
  return parser_->fields;
}

/// Reads and parses once.
std::optional<HttpProblem> HttpAnswer::receive(Clock::time_point until) {
  char bytes[kReadSize];
  const Read read = read_some(socket_, bytes, sizeof bytes, waiter_, until);
  if (read.how == Io::ok) {
    heard_ = true;
    pending_.append(bytes, read.bytes);
    if (parser_->take_from(pending_)) return std::nullopt;
    return HttpProblem{HttpProblem::broken, "the answer is not valid HTTP"};
  }
  if (read.how == Io::end && parser_->got_some()) {
    Parser::Error ec;
    parser_->put_eof(ec);
    if (!ec) return std::nullopt;
  }
  return problem(read.how, HttpProblem::broken,
                 read.how == Io::timeout ? "the upstream fell silent"
                                         : "the connection ended before the answer did");
}

std::optional<HttpProblem> HttpAnswer::read_head(Clock::duration first_byte) {
  const auto until = Clock::now() + first_byte;
  for (;;) {
    if (parser_->is_header_done() && parser_->code / 100 != 1) return std::nullopt;
    if (parser_->is_header_done()) {  // 1xx: the real answer follows
      parser_ = std::make_unique<Parser>(parser_->to_head);
      if (!parser_->take_from(pending_))
        return HttpProblem{HttpProblem::broken, "the answer is not valid HTTP"};
      continue;
    }
    if (auto failed = receive(until)) return failed;
  }
}

std::variant<std::string_view, HttpProblem> HttpAnswer::read() {
  return read(Clock::time_point::max());
}

std::variant<std::string_view, HttpProblem> HttpAnswer::read(Clock::time_point until) {
  piece_.clear();
  until = std::min(until, Clock::now() + client_.options_.idle);
  while (parser_->body.empty() && !parser_->is_done()) {
    if (auto failed = receive(until)) return std::move(*failed);
  }
  piece_.swap(parser_->body);
  return std::string_view(piece_);
}

std::variant<std::optional<SseReader::Event>, HttpProblem> HttpAnswer::next_event() {
  const auto until = event_.count() > 0 ? Clock::now() + event_ : Clock::time_point::max();
  switch (waiter_.glance()) {  // thousands of events may have come at once
    case Wake::gone: return HttpProblem{HttpProblem::gone, {}};
    case Wake::cancelled: return HttpProblem{HttpProblem::cancelled, {}};
    default: break;
  }
  for (;;) {
    if (auto event = events_.next()) return event;
    if (events_.too_large())
      return HttpProblem{HttpProblem::too_large,
                         "an event is larger than " + std::to_string(kMaxSseEvent >> 20) + " MiB"};
    auto piece = read(until);
    if (auto* failed = std::get_if<HttpProblem>(&piece)) return std::move(*failed);
    const auto bytes = std::get<std::string_view>(piece);
    if (bytes.empty()) return std::optional<SseReader::Event>();
    events_.feed(bytes);
  }
}

HttpClient::HttpClient(Options options) : options_(std::move(options)) {
  try {
    const Poco::URI url(options_.base_url);
    if (url.getScheme() != "http" && url.getScheme() != "https")
      throw std::invalid_argument("must begin with http:// or https://");
    const std::string& host = url.getHost();
    if (host.empty() || !std::all_of(host.begin(), host.end(),
                                     [](unsigned char c) { return c > 0x20 && c < 0x7f; }))
      throw std::invalid_argument("names no host");
    if (!url.getUserInfo().empty() || !url.getRawQuery().empty() || !url.getFragment().empty())
      throw std::invalid_argument("must have only scheme, host, port and path");
    host_ = host;
    port_ = url.getPort();
    authority_ = url.getAuthority();
    base_path_ = url.getPathEtc();
    if (!base_path_.empty() && base_path_.back() == '/') base_path_.pop_back();
    tls_ = url.getScheme() == "https";
  } catch (const Poco::SyntaxException&) {
    throw std::invalid_argument("is not a URL");
  }
}

std::optional<HttpClient::Connection> HttpClient::take_idle() {
  for (;;) {
    std::optional<Connection> connection;
    {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) return std::nullopt;
      if (Clock::now() < idle_.back().until) connection = std::move(idle_.back().connection);
      idle_.pop_back();
      if (!connection) continue;
    }
    char byte;
    const Read read = read_ready(connection->socket, &byte, 1);
    if (read.how == Io::ok && read.bytes == 0)
      return connection;  // neither closed nor speaking out of turn
  }
}

void HttpClient::keep(Connection connection, Clock::duration time) {
  const auto now = Clock::now(), until = std::min(now + time, connection.expires);
  const std::lock_guard lock(mutex_);
  // After a burst the ones at the front would never be taken again, nor closed.
  idle_.erase(idle_.begin(), std::find_if(idle_.begin(), idle_.end(),
                                          [&](const Idle& idle) { return now < idle.until; }));
  if (now < until && idle_.size() < kMaxIdle) idle_.push_back({std::move(connection), until});
}

std::variant<HttpClient::Connection, HttpProblem> HttpClient::connect(Waiter& waiter) const {
  const auto began = Clock::now(), until = began + options_.connect;
  Wake wake;
  std::string why;
  const auto addresses = resolve(host_, waiter, until, wake, why);
  if (addresses.empty())
    why = host_ + ": " +
          (wake == Wake::timeout ? "the name service did not answer"
           : why.empty()         ? "no address"
                                 : why);
  auto socket = addresses.empty() ? std::nullopt : dial(addresses, port_, waiter, until, wake, why);
  if (wake == Wake::gone) return HttpProblem{HttpProblem::gone, {}};
  if (wake == Wake::cancelled) return HttpProblem{HttpProblem::cancelled, {}};
  if (wake == Wake::timeout) return HttpProblem{HttpProblem::no_connection_in_time, std::move(why)};
  if (!socket) return HttpProblem{HttpProblem::unreachable, std::move(why)};
  if (tls_) {
    if (auto failed = start_tls(*socket, waiter, until)) return std::move(*failed);
  }
  return Connection{*std::move(socket), began + options_.life};
}

std::optional<HttpProblem> HttpClient::start_tls(StreamSocket& socket, Waiter& waiter,
                                                 Clock::time_point until) const {
  try {
    switch (core::start_tls(socket, host_, waiter, until)) {
      case Wake::ready: break;
      case Wake::timeout:
        return HttpProblem{HttpProblem::no_connection_in_time,
                           host_ + ": no TLS handshake in time"};
      case Wake::gone: return HttpProblem{HttpProblem::gone, {}};
      case Wake::cancelled: return HttpProblem{HttpProblem::cancelled, {}};
    }
    return std::nullopt;
  } catch (const Poco::Exception& e) {
    return HttpProblem{HttpProblem::unreachable, host_ + ": " + e.displayText()};
  }
}

std::string HttpClient::head_of(const Request& request) const {
  std::string head;
  head.reserve(512);
  head.append(request.method)
      .append(" ")
      .append(base_path_)
      .append(request.path)
      .append(" HTTP/1.1\r\nHost: ")
      .append(authority_)
      .append("\r\n");
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

std::variant<std::unique_ptr<HttpAnswer>, HttpProblem> HttpClient::send(const Request& request,
                                                                        Waiter& waiter) {
  constexpr std::size_t kJoin =
      64 * 1024;  // up to here copying the body is cheaper than a second send
  std::string head = head_of(request);
  const bool join = request.body.size() <= kJoin;
  if (join) head.append(request.body);
  const auto first_byte = request.first_byte.count() > 0 ? request.first_byte : options_.first_byte;

  for (auto connection = take_idle();; connection.reset()) {
    const bool kept = connection.has_value();
    if (!kept) {
      auto connected = connect(waiter);
      if (auto* failed = std::get_if<HttpProblem>(&connected)) return std::move(*failed);
      connection = std::get<Connection>(std::move(connected));
    }
    StreamSocket& socket = connection->socket;
    Io io = write_all(socket, head, waiter, first_byte);
    if (io == Io::ok && !join) io = write_all(socket, request.body, waiter, first_byte);
    // A server that refuses a large body may answer and close before it has all of it: the answer
    // says why (RFC 9112 9.5).
    if (io != Io::ok && io != Io::broken)
      return problem(io, HttpProblem::broken, "the upstream did not take the request in time");

    std::unique_ptr<HttpAnswer> answer(new HttpAnswer(*this, std::move(socket), connection->expires,
                                                      waiter, request.method == "HEAD",
                                                      request.event));
    auto failed = answer->read_head(first_byte);
    if (!failed) return answer;
    const bool closed_before = kept && failed->kind == HttpProblem::broken && !answer->heard_;
    if (!closed_before || (io == Io::ok && !is_idempotent(request.method)))
      return std::move(*failed);
  }
}

}  // namespace gatehouse::core
