#include "core/server/response.h"

#include <poll.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>
#include <memory>
#include <utility>

#include "core/log/iso_time.h"
#include "core/net/io.h"
#include "gatehouse/text.hpp"

// The mechanism: send() only appends to `out_`. The bytes leave with the next flush(), which the
// request's Waiter calls through tend() before each wait: so all events that a plugin emits between
// two waits leave in one system call. The head is written by commit() as late as possible, at the
// first flush or at the end, whichever comes first; until then `out_` holds bytes of the body only,
// and its length decides between Content-Length and chunks. A response that began and did not end
// is cut off: without its last chunk no client takes it for complete.

namespace gatehouse::core {
namespace {

constexpr std::size_t kFlushAt = 32 * 1024;   // bytes that do not wait for the next flush
constexpr std::size_t kHeadSize = 512;        // of most responses
constexpr std::size_t kMaxDrain = 64 * 1024;  // of an unread body, to keep the connection

/// For the Date header; formats the time only when the second changes.
std::string_view http_date() {
  static thread_local std::time_t second = 0;
  static thread_local char text[40];
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    std::tm utc{};
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    second = now;
  }
  return text;
}

/// The JSON that reports a failure. Method and path of a rejected request may hold any bytes.
std::string envelope(int status, std::string_view message, const RequestHead& head) {
  constexpr std::size_t kMaxMethod = 32, kMaxPath = 2048;
  std::string json = "{\"statusCode\":" + std::to_string(status) + ",\"timestamp\":\"";
  json.append(iso_time(std::chrono::system_clock::now())).append("\",\"path\":");
  quote(json, replace_invalid(head.path.substr(0, kMaxPath)));
  json += ",\"method\":";
  quote(json, replace_invalid(head.method.substr(0, kMaxMethod)));
  json += ",\"message\":";
  quote(json, message);
  json += '}';
  return json;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_head(std::string& out, const Exchange& x, bool keep_alive) {
  namespace http = boost::beast::http;
  const http::status known = http::int_to_status(static_cast<unsigned>(x.status));
  const auto reason = http::obsolete_reason(known);
  out.append("HTTP/1.1 ").append(std::to_string(x.status)).append(" ");
  if (known != http::status::unknown) out.append(reason.data(), reason.size());
  out.append("\r\n");
  append_header(out, "Date", http_date());
  append_header(out, "Connection", keep_alive ? "keep-alive" : "close");
  for (const auto& [name, value] : x.answer_headers()) append_header(out, name, value);
}

void append_chunk(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;
  char size[2 * sizeof(std::size_t)];
  out.append(size, std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr).append("\r\n");
  out.append(bytes).append("\r\n");
}

/// RFC 9110 15.3.5 and 15.4.5.
bool never_has_body(int status) { return status == 204 || status == 304; }

/// The body that reports x.failure(); sets the status and the headers that belong to it.
std::string failure_body(Exchange& x, const Handler& handler) {
  const Failure failure = *x.failure();  // a plugin may fail once more while it writes the body
  x.status = failure.http_status;
  x.set_header("Content-Type", "application/json");
  if (failure.retry_after > failure.retry_after.zero()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(failure.retry_after);
    x.set_header("Retry-After", std::to_string(seconds.count()));
  }
  if (auto body = handler.failure_body(x)) return *std::move(body);
  return envelope(failure.http_status, failure.message, x.head());
}

}  // namespace

std::string error_response(Exchange& x, const Handler& handler) {
  const std::string body = failure_body(x, handler);
  std::string out;
  append_head(out, x, false);
  append_header(out, "Content-Length", std::to_string(body.size()));
  return out.append("\r\n").append(body);
}

/// Until when the next bytes of a request body must arrive: within head_timeout of the previous
/// ones, and each MiB within body_timeout.
class Response::BodyDeadline {
 public:
  explicit BodyDeadline(const ServerSettings& settings) : settings_(settings) {}

  Clock::time_point next() const {
    return std::min(part_until_, Clock::now() + settings_.head_timeout);
  }
  void count(std::size_t bytes) {
    received_ += bytes;
    if (received_ < part_end_) return;
    part_end_ = received_ + kPart;
    part_until_ = Clock::now() + settings_.body_timeout;
  }

 private:
  static constexpr std::size_t kPart = 1u << 20;
  const ServerSettings& settings_;
  std::size_t received_ = 0, part_end_ = kPart;
  Clock::time_point part_until_ = Clock::now() + settings_.body_timeout;
};

Response::Response(Poco::Net::StreamSocket& socket, std::string& input, RequestParser& parser,
                   const ServerSettings& settings, const ServerContext& server)
    : socket_(socket),
      input_(input),
      parser_(parser),
      settings_(settings),
      server_(server),
      waiter_(socket.impl()->sockfd(), server.stop_fd, Clock::now() + settings.max_duration,
              [this] { return tend(); }) {}

gh_status Response::read_body(std::string& body, std::optional<Failure>& failure) {
  bool expects_continue = parser_.head().expects_continue && input_.empty() && !begun_;
  BodyDeadline deadline(settings_);
  for (std::string_view bytes;;) {
    failure = parse_body(bytes);
    if (failure) return GH_FAILED;
    if (parser_.complete()) break;
    // Only now: the plugins in front have had their chance to reject the request.
    if (std::exchange(expects_continue, false)) {
      out_ += "HTTP/1.1 100 Continue\r\n\r\n";
      if (flush() != GH_OK) return lost_;
    }
    const gh_status status = receive_body(bytes, deadline, failure);
    if (status != GH_OK) return status;
  }
  if (input_.empty()) input_.shrink_to_fit();  // the response may take minutes
  body = parser_.take_body();
  return GH_OK;
}

/// Parses what is pending and then `bytes`.
std::optional<Failure> Response::parse_body(std::string_view bytes) {
  if (!input_.empty()) bytes = input_.append(bytes);
  auto failure = parser_.parse_body(bytes, settings_.max_body_bytes);
  input_.assign(bytes);
  return failure;
}

/// Waits for more of the body.
gh_status Response::receive_body(std::string_view& bytes, BodyDeadline& deadline,
                                 std::optional<Failure>& failure) {
  const auto read = read_some(socket_, waiter_, deadline.next());
  if (read && !read->empty()) {
    bytes = *read;
    deadline.count(bytes.size());
    return GH_OK;
  }
  if (read) {
    failure = Failure{400, "incomplete_body", "The request body ended early.", {}};
    return GH_FAILED;
  }
  if (read.error().kind == Error::timeout) {
    failure = Failure{408, "request_timeout", "The request body did not arrive in time.", {}};
    return GH_FAILED;
  }
  if (read.error().kind == Error::cancelled) return GH_CANCELLED;
  return lost_ = GH_STOP;
}

/// Reads the rest of an unread body, without waiting, so that the connection can be used again.
bool Response::rest_of_body_is_here() {
  std::size_t drained = 0;
  for (std::string_view bytes; !parse_body(bytes);) {
    if (parser_.complete()) return true;
    const auto read = read_ready(socket_);
    if (!read || read->empty() || (drained += read->size()) > kMaxDrain) return false;
    bytes = *read;
  }
  return false;
}

/// Writes the head in front of what there is of the body.
void Response::commit() {
  committed_ = true;
  decide_framing();
  const std::string body = std::exchange(out_, {});
  out_.reserve(body.size() + kHeadSize);
  append_head(out_, *exchange_, keep_alive_);
  if (chunked_) append_header(out_, "Transfer-Encoding", "chunked");
  if (complete_ && !never_has_body(exchange_->status))
    append_header(out_, "Content-Length", std::to_string(body.size()));
  out_ += "\r\n";
  if (has_body_) append_body(body);
}

void Response::decide_framing() {
  const RequestHead& head = parser_.head();
  const bool may_have_body = !never_has_body(exchange_->status);
  has_body_ = may_have_body && head.method != "HEAD";
  chunked_ = may_have_body && !complete_ && !head.http_1_0;
  const bool ends_with_connection = !complete_ && head.http_1_0;
  keep_alive_ = head.keep_alive && !ends_with_connection && !server_.draining &&
                (parser_.complete() || rest_of_body_is_here());
}

void Response::append_body(std::string_view bytes) {
  if (chunked_) {
    append_chunk(out_, bytes);
  } else {
    out_ += bytes;
  }
}

void Response::append_last_chunk() {
  out_ += "0\r\n";
  for (const auto& [name, value] : exchange_->trailers()) append_header(out_, name, value);
  out_ += "\r\n";
}

gh_status Response::send(const Exchange& x, std::string_view bytes, bool last) {
  if (complete_) return GH_INVALID;
  if (lost_ != GH_OK) return lost_;
  begun_ = true;
  exchange_ = &x;
  complete_ = last;
  if (!committed_) {
    out_ += bytes;
    if (last) commit();
  } else if (has_body_) {
    append_body(bytes);
    if (last && chunked_) append_last_chunk();
  }
  // For a plugin that emits without ever waiting, this is the only look at clock and client.
  return out_.size() >= kFlushAt ? Exchange::as_status(waiter_.wait(-1, 0, Clock::time_point()))
                                 : GH_OK;
}

gh_status Response::flush() {
  if (lost_ != GH_OK) return lost_;
  if (flushing_) return GH_OK;  // called by the wait of the loop below
  if (begun_ && !committed_) commit();
  std::string_view left = out_;
  auto until = Clock::now() + settings_.send_timeout;
  while (!left.empty()) {
    const std::size_t before = left.size();
    if (!write_ready(socket_, left)) lost_ = GH_STOP;
    if (lost_ != GH_OK || left.empty() || waiter_.is_shared()) break;
    if (left.size() < before) until = Clock::now() + settings_.send_timeout;
    lost_ = wait_until_writable(until);
    if (lost_ != GH_OK) break;
  }
  if (left.size() < out_.size()) last_sent_ = Clock::now();
  out_.erase(0, lost_ == GH_OK ? out_.size() - left.size() : out_.npos);
  return lost_;
}

/// GH_STOP: the client has gone, or has read nothing until `until`. GH_CANCELLED: the request must
/// end. GH_OK may come early, when is_shared() must be checked again.
gh_status Response::wait_until_writable(Clock::time_point until) {
  flushing_ = true;
  const Wake wake =
      waiter_.wait(socket_.impl()->sockfd(), POLLOUT, std::min(until, waiter_.ask_again()));
  flushing_ = false;
  if (wake == Wake::timeout) return Clock::now() < until ? GH_OK : GH_STOP;
  return Exchange::as_status(wake);
}

bool Response::has_left() const {
  pollfd client{socket_.impl()->sockfd(), POLLRDHUP, 0};
  return lost_ == GH_STOP || ::poll(&client, 1, 0) > 0;
}

void Response::heartbeat(std::string_view bytes, Clock::duration interval) {
  heartbeat_ = bytes;
  heartbeat_interval_ = std::max<Clock::duration>(interval, std::chrono::milliseconds(1));
}

/// Flushes before each wait of the request and sends heartbeats. Returns when to do so again;
/// nullopt: the client has gone. The wait itself notices that the request must end.
std::optional<Clock::time_point> Response::tend() {
  if (flushing_) return Clock::time_point::max();
  about_to_wait();
  if (flush() == GH_STOP) return std::nullopt;
  if (lost_ != GH_OK) return Clock::time_point::max();
  if (!out_.empty()) return waiter_.ask_again();  // shared with other requests: not delayed
  if (heartbeat_.empty() || !committed_ || complete_ || !has_body_) return Clock::time_point::max();
  if (Clock::now() >= last_sent_ + heartbeat_interval_) {
    append_body(heartbeat_);
    if (flush() == GH_STOP) return std::nullopt;
  }
  return last_sent_ + heartbeat_interval_;
}

bool Response::finish(Exchange& x, gh_status status, const Handler& handler) {
  if (!begun_) {
    if (status == GH_CANCELLED && !x.failure()) (void)x.fail(cancellation());
    if (status == GH_STOP && !x.failure()) lost_ = GH_STOP;
    (void)send(x, x.failure() ? failure_body(x, handler) : std::string(), true);
  } else if (!complete_ && status == GH_OK) {
    (void)send(x, {}, true);
  }
  return flush() == GH_OK && complete_ && keep_alive_;
}

/// Why a cancelled request ended.
Failure Response::cancellation() const {
  if (Clock::now() >= waiter_.deadline())
    return {504, "deadline_exceeded", "The request took too long.", {}};
  return {503, "shutting_down", "The gateway is shutting down.", {}};
}

}  // namespace gatehouse::core
