#include "core/store/redis_connection.h"

#include <Poco/Exception.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/net/io.h"
#include "core/net/resolver.h"
#include "core/net/tls.h"

namespace gatehouse::core {
namespace {

using Poco::Net::StreamSocket;

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kMaxReply = 16 << 20;  // four times the largest value that is put
constexpr std::size_t kMaxItems = 100'000;   // of a whole reply: SCAN is asked for a thousand keys
constexpr int kMaxDepth = 2;                 // SCAN: a list in a list

/// Waits for nothing but the descriptor and the time: whoever the store is asked for, it answers
/// within milliseconds.
Waiter waiter_until(Clock::time_point deadline) {
  return Waiter(-1, -1, deadline, [] { return std::optional(Clock::time_point::max()); });
}

/// What so many bytes take at most.
Clock::duration time_for(std::size_t bytes) {
  return std::chrono::nanoseconds(std::chrono::seconds(1)) * static_cast<std::int64_t>(bytes) /
         static_cast<std::int64_t>(RedisConnection::kSlowest);
}

std::optional<StreamSocket> connect(const Poco::Net::SocketAddress& address, Waiter& waiter,
                                    std::string& why) {
  try {
    StreamSocket socket;
    socket.connectNB(address);
    ::fcntl(socket.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    socket.setOption(IPPROTO_TCP, TCP_KEEPIDLE,
                     30);  // seconds: routers forget a silent connection after minutes
    if (waiter.wait(socket.impl()->sockfd(), POLLOUT, Clock::time_point::max()) != Wake::ready) {
      why = "no connection in time";
    } else if (const int error = socket.impl()->socketError()) {
      why = std::strerror(error);
    } else {
      return socket;
    }
  } catch (const Poco::Exception& e) {
    why = e.displayText();
  }
  return std::nullopt;
}

bool parse(std::string_view text, std::int64_t& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && stop == text.data() + text.size();
}

bool secure(StreamSocket& socket, const std::string& host, Clock::time_point deadline,
            std::string& why) {
  Waiter waiter = waiter_until(deadline);
  try {
    if (start_tls(socket, host, waiter, deadline) == Wake::ready) return true;
    why = "no TLS handshake in time";
  } catch (const Poco::Exception& e) {
    why = e.displayText();
  }
  return false;
}

}  // namespace

std::string_view RedisReply::code() const {
  // Redis 6 puts the error of a command into that of its script: "ERR Error running script ...:
  // -READONLY You".
  for (const std::string_view inner : {"-READONLY", "-OOM"}) {
    if (text.find(inner) != text.npos) return inner.substr(1);
  }
  return std::string_view(text).substr(0, std::min<std::size_t>(text.find(' '), 32));
}

std::unique_ptr<RedisConnection> RedisConnection::open(const StoreSettings::Redis& settings,
                                                       Clock::time_point deadline, std::string& why,
                                                       std::string& code) {
  Waiter waiter = waiter_until(deadline);
  Wake wake;
  const auto addresses = resolve(settings.host, waiter, deadline, wake, why);
  if (addresses.empty() && why.empty())
    why =
        wake == Wake::ready ? "the host has no address" : "the name service did not answer in time";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // A dead address may not use up the time of those after it.
    Waiter share = waiter_until(Clock::now() +
                                (deadline - Clock::now()) / static_cast<int>(addresses.size() - i));
    auto socket = connect({addresses[i], settings.port}, share, why);
    if (!socket) continue;
    if (settings.tls && !secure(*socket, settings.host, deadline, why)) return nullptr;
    std::unique_ptr<RedisConnection> connection(new RedisConnection(std::move(*socket)));
    if (connection->log_in(settings, deadline, why, code)) return connection;
    return nullptr;
  }
  return nullptr;
}

bool RedisConnection::log_in(const StoreSettings::Redis& settings, Clock::time_point deadline,
                             std::string& why, std::string& code) {
  if (!settings.password.empty() || !settings.user.empty()) {
    std::vector<std::string_view> auth{"AUTH", settings.user, settings.password};
    if (settings.user.empty()) auth.erase(auth.begin() + 1);
    why = "it refuses the user or the password";
    if (!accepts(auth, deadline, why, code)) return false;
  }
  if (settings.database == 0) return true;
  why = "it refuses the number of the database";
  return accepts({"SELECT", std::to_string(settings.database)}, deadline, why, code);
}

bool RedisConnection::accepts(const std::vector<std::string_view>& command,
                              Clock::time_point deadline, std::string& why, std::string& code) {
  RedisReply reply;
  if (!ask(command, reply, deadline, why)) return false;
  if (reply.kind == RedisReply::kError) code = reply.code();
  return reply.kind == RedisReply::kStatus;
}

bool RedisConnection::ask(const std::vector<std::string_view>& command, RedisReply& reply,
                          Clock::time_point deadline, std::string& why) {
  std::string bytes;
  std::size_t size = 32;
  for (const std::string_view word : command) size += word.size() + 32;
  bytes.reserve(size);
  bytes.append("*").append(std::to_string(command.size())).append("\r\n");
  for (const std::string_view word : command) {
    bytes.append("$")
        .append(std::to_string(word.size()))
        .append("\r\n")
        .append(word)
        .append("\r\n");
  }

  const auto patience = deadline - Clock::now();
  deadline_ = deadline + time_for(bytes.size());
  reply = {};
  received_ = items_ = 0;
  Waiter waiter = waiter_until(deadline_);
  const Io written = write_all(socket_, bytes, waiter, patience);
  if (written == Io::ok && read_reply(reply, 0)) return true;
  why = written == Io::timeout || Clock::now() >= deadline_
            ? "no answer in time"
            : "the connection ended, or what came is not the protocol of Redis";
  return false;
}

bool RedisConnection::is_idle() {
  char byte;
  const Read read = read_ready(socket_, &byte, 1);
  return consumed_ == input_.size() && read.how == Io::ok && read.bytes == 0;
}

bool RedisConnection::read_reply(RedisReply& reply, int depth) {
  std::string line;
  if (!read_line(line) || line.empty()) return false;
  const std::string_view rest = std::string_view(line).substr(1);
  switch (line[0]) {
    case '+': reply.kind = RedisReply::kStatus; break;
    case '-': reply.kind = RedisReply::kError; break;
    case ':': reply.kind = RedisReply::kInteger; break;
    case '$': reply.kind = RedisReply::kBulk; break;
    case '*': reply.kind = RedisReply::kArray; break;
    default: return false;
  }
  if (reply.kind == RedisReply::kStatus || reply.kind == RedisReply::kError) {
    reply.text = rest;
    return true;
  }
  if (!parse(rest, reply.integer)) return false;
  if (reply.kind == RedisReply::kInteger) return true;
  if (reply.integer == -1) {
    reply.kind = RedisReply::kNil;
    return true;
  }
  if (reply.integer < 0) return false;
  if (reply.kind == RedisReply::kBulk)
    return read_bytes(reply.text, static_cast<std::size_t>(reply.integer));
  if (depth == kMaxDepth) return false;
  items_ += static_cast<std::size_t>(reply.integer);
  if (static_cast<std::size_t>(reply.integer) > kMaxItems || items_ > kMaxItems) return false;
  for (std::int64_t i = 0; i < reply.integer; ++i) {
    if (!read_reply(reply.items.emplace_back(), depth + 1)) return false;
  }
  return true;
}

bool RedisConnection::read_line(std::string& line) {
  for (;;) {
    const std::size_t end = input_.find("\r\n", consumed_);
    if (end != input_.npos) {
      line.assign(input_, consumed_, end - consumed_);
      consumed_ = end + 2;
      return true;
    }
    if (!receive()) return false;
  }
}

bool RedisConnection::read_bytes(std::string& out, std::size_t size) {
  if (size > kMaxReply) return false;
  deadline_ += time_for(size);
  while (out.size() < size) {
    if (consumed_ == input_.size() && !receive()) return false;
    const std::size_t n = std::min(size - out.size(), input_.size() - consumed_);
    out.append(input_, consumed_, n);
    consumed_ += n;
  }
  std::string end;
  return read_line(end) && end.empty();
}

bool RedisConnection::receive() {
  if (received_ > 0 && Clock::now() >= deadline_)
    return false;  // what keeps coming is never waited for
  input_.erase(0, consumed_);
  consumed_ = 0;
  char bytes[kReadSize];
  Waiter waiter = waiter_until(deadline_);
  const Read read = read_some(socket_, bytes, sizeof bytes, waiter, deadline_);
  input_.append(bytes, read.bytes);
  received_ += read.bytes;
  return read.how == Io::ok && received_ <= kMaxReply;
}

}  // namespace gatehouse::core
