#include "core/server/answer.h"

#include <poll.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <memory>
#include <utility>

#include "core/net/io.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kFlushAt = 32 * 1024;  // more than this waits for nobody
constexpr std::size_t kHeadSize = 512;       // of most answers
constexpr std::size_t kDrain = 64 * 1024;    // of a body nobody read, to keep the connection

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

std::string iso_timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  char text[32], out[40];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
  std::snprintf(out, sizeof out, "%s.%03dZ", text, static_cast<int>(ms));
  return out;
}

std::string envelope(int status, std::string_view message, std::string_view method,
                     std::string_view path) {
  constexpr std::size_t kLongestMethod = 32, kLongestPath = 2048;
  std::string json = "{\"statusCode\":" + std::to_string(status) + ",\"timestamp\":\"" +
                     iso_timestamp() + "\",\"path\":";
  quote(json, replace_invalid(path.substr(
                  0, kLongestPath)));  // a request line that is refused may hold any bytes
  json += ",\"method\":";
  quote(json, replace_invalid(method.substr(0, kLongestMethod)));
  json += ",\"message\":";
  quote(json, message);
  json += '}';
  return json;
}

void append_status_line(std::string& out, int status) {
  const auto reason =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  out.append("HTTP/1.1 ")
      .append(std::to_string(status))
      .append(" ")
      .append(reason.data(), reason.size());
  out.append("\r\nDate: ").append(http_date()).append("\r\n");
}

void append_headers(std::string& out,
                    const std::vector<std::pair<std::string, std::string>>& headers) {
  for (const auto& [name, value] : headers)
    out.append(name).append(": ").append(value).append("\r\n");
}

/// What answers a request that has failed; sets the status and the headers for it.
std::string failure_body(Exchange& x) {
  const Failure& failure = *x.failure();
  x.status = failure.http_status;
  x.set_header("Content-Type", "application/json");
  if (failure.retry_after > failure.retry_after.zero()) {
    x.set_header(
        "Retry-After",
        std::to_string(std::chrono::ceil<std::chrono::seconds>(failure.retry_after).count()));
  }
  return envelope(failure.http_status, failure.message, x.head().method, x.head().path);
}

}  // namespace

std::string refusal(Exchange& x) {
  const std::string body = failure_body(x);
  std::string out;
  append_status_line(out, x.status);
  out += "Connection: close\r\n";
  append_headers(out, x.answer_headers());
  out.append("Content-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n\r\n")
      .append(body);
  return out;
}

Answer::Answer(Poco::Net::StreamSocket& socket, std::string& input, RequestParser& parser,
               const ServerSettings& settings, const Surroundings& surroundings)
    : socket_(socket),
      input_(input),
      parser_(parser),
      settings_(settings),
      surroundings_(surroundings),
      waiter_(
          socket.impl()->sockfd(), surroundings.stop_fd, Clock::now() + settings.max_duration,
          [this] { return tend(); }, surroundings.before_wait) {}

gh_status Answer::read_body(std::string& body, std::optional<Failure>& failure) {
  constexpr std::size_t kPart = 1u << 20;
  std::size_t received = 0, part_end = kPart;
  auto until = Clock::now() + settings_.body_timeout;  // for this part
  std::unique_ptr<char[]> bytes;                       // most bodies came with their head
  bool may_continue = parser_.head().expects_continue && input_.empty() && !begun_;
  for (;;) {
    if (const auto refused = parser_.parse_body(input_, settings_.max_body_bytes)) {
      failure = Failure{refused->status, refused->code, refused->message, {}};
      return GH_FAILED;
    }
    if (parser_.complete()) break;
    if (may_continue) {  // only now: the plugins above have had their chance to refuse
      may_continue = false;
      out_ += "HTTP/1.1 100 Continue\r\n\r\n";
      if (flush() != GH_OK) return GH_STOP;
    }
    if (!bytes) bytes.reset(new char[kReadSize]);
    const auto longest = std::min(until, Clock::now() + settings_.head_timeout);
    const Read read = read_some(socket_, bytes.get(), kReadSize, waiter_, longest);
    received += read.bytes;
    if (received >= part_end) {
      part_end = received + kPart;
      until = Clock::now() + settings_.body_timeout;
    }
    switch (read.how) {
      case Io::ok: input_.append(bytes.get(), read.bytes); break;
      case Io::timeout:
        failure = Failure{408, "request_timeout", "The request body did not arrive in time.", {}};
        return GH_FAILED;
      case Io::cancelled: return GH_CANCELLED;
      case Io::end:
        failure = Failure{400, "incomplete_body", "The request body ended early.", {}};
        return GH_FAILED;
      default: gone_ = true; return GH_STOP;
    }
  }
  if (input_.empty()) input_.shrink_to_fit();  // an answer may take minutes
  body = parser_.take_body();
  return GH_OK;
}

/// Reads, without waiting, what is left of the body, so that the connection can be used again.
bool Answer::rest_of_body_is_here() {
  std::unique_ptr<char[]> bytes;
  std::size_t drained = 0;
  while (!parser_.parse_body(input_, settings_.max_body_bytes)) {
    if (parser_.complete()) return true;
    if (!bytes) bytes.reset(new char[kReadSize]);
    const Read read = read_ready(socket_, bytes.get(), kReadSize);
    if (read.how != Io::ok || read.bytes == 0 || (drained += read.bytes) > kDrain) return false;
    input_.append(bytes.get(), read.bytes);
  }
  return false;
}

/// Puts the head before what there is of the body.
void Answer::commit() {
  const Exchange& x = *exchange_;
  const RequestHead& head = parser_.head();
  committed_ = true;
  keep_alive_ =
      head.keep_alive && !surroundings_.draining && (parser_.complete() || rest_of_body_is_here());
  const bool never_body = x.status == 204 || x.status == 304;
  chunked_ = !complete_ && !never_body && !head.http_1_0;
  if (!complete_ && head.http_1_0) keep_alive_ = false;
  has_body_ = !never_body && head.method != "HEAD";

  const std::string body = std::exchange(out_, {});
  out_.reserve(body.size() + kHeadSize);
  append_status_line(out_, x.status);
  out_ += keep_alive_ ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  append_headers(out_, x.answer_headers());
  if (chunked_) out_ += "Transfer-Encoding: chunked\r\n";
  if (complete_ && !never_body)
    out_.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  out_ += "\r\n";
  if (!has_body_) return;
  if (chunked_) {
    append_chunk(body);
  } else {
    out_ += body;
  }
}

void Answer::append_chunk(std::string_view bytes) {
  if (bytes.empty()) return;
  char size[2 * sizeof(std::size_t)];
  out_.append(size, std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr)
      .append("\r\n")
      .append(bytes)
      .append("\r\n");
}

gh_status Answer::send(const Exchange& x, std::string_view bytes, bool last) {
  if (complete_) return GH_INVALID;
  if (gone_) return GH_STOP;
  begun_ = true;
  exchange_ = &x;
  complete_ = last;
  if (!committed_ || (has_body_ && !chunked_)) {
    out_ += bytes;
    if (last && !committed_) commit();
  } else if (has_body_) {
    append_chunk(bytes);
    if (last) {
      out_ += "0\r\n";
      append_headers(out_, x.trailers());
      out_ += "\r\n";
    }
  }
  // Flushes, and is the only look at the clock and the client while a plugin emits without reading
  // from anywhere.
  return out_.size() >= kFlushAt ? Exchange::as_status(waiter_.wait(-1, 0, Clock::time_point()))
                                 : GH_OK;
}

gh_status Answer::flush() {
  if (gone_) return GH_STOP;
  if (flushing_) return GH_OK;  // a wait of the loop below, which flushes as all do
  if (begun_ && !committed_) commit();
  std::string_view left = out_;
  auto until = Clock::now() + settings_.send_timeout;
  while (!left.empty()) {
    const std::size_t before = left.size();
    gone_ = !write_ready(socket_, left);
    if (gone_ || left.empty() || waiter_.is_shared()) break;
    if (left.size() < before) until = Clock::now() + settings_.send_timeout;
    flushing_ = true;
    const Wake wake =
        waiter_.wait(socket_.impl()->sockfd(), POLLOUT, std::min(until, waiter_.ask_again()));
    flushing_ = false;
    gone_ = wake == Wake::gone || wake == Wake::cancelled ||
            (wake == Wake::timeout && Clock::now() >= until);
    if (gone_) break;
  }
  if (left.size() < out_.size()) last_sent_ = Clock::now();
  out_.erase(0, out_.size() - left.size());
  if (gone_) out_.clear();
  return gone_ ? GH_STOP : GH_OK;
}

void Answer::heartbeat(std::string_view bytes, Clock::duration interval) {
  heartbeat_ = bytes;
  heartbeat_interval_ = std::max<Clock::duration>(interval, std::chrono::milliseconds(1));
}

std::optional<Clock::time_point> Answer::tend() {
  if (flushing_) return Clock::time_point::max();
  if (const auto call = std::exchange(before_wait_, nullptr)) call();
  if (flush() != GH_OK) return std::nullopt;
  if (!out_.empty())
    return waiter_.ask_again();  // others share the answer, and this client has not taken all of it
  if (heartbeat_.empty() || !committed_ || complete_ || !has_body_) return Clock::time_point::max();
  if (Clock::now() >= last_sent_ + heartbeat_interval_) {
    if (chunked_) {
      append_chunk(heartbeat_);
    } else {
      out_ += heartbeat_;
    }
    if (flush() != GH_OK) return std::nullopt;
  }
  return last_sent_ + heartbeat_interval_;
}

bool Answer::finish(Exchange& x, gh_status status) {
  if (!begun_) {
    if (status == GH_CANCELLED && !x.failure()) {
      const bool late = Clock::now() >= waiter_.deadline();
      (void)x.fail(late ? Failure{504, "deadline_exceeded", "The request took too long.", {}}
                        : Failure{503, "shutting_down", "The gateway is shutting down.", {}});
    }
    if (status == GH_STOP && !x.failure()) gone_ = true;
    if (x.failure()) {
      (void)send(x, failure_body(x), true);
    } else {
      (void)send(x, {}, true);
    }
  } else if (!complete_ && status == GH_OK) {
    (void)send(x, {}, true);
  }
  // An answer that began and did not end is cut: without its last chunk nobody takes it for whole.
  return flush() == GH_OK && complete_ && keep_alive_;
}

}  // namespace gatehouse::core
