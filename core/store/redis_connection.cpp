// A client of RESP 2 that bounds everything a server can do to it: the time of every command, the
// bytes, items and depth of every reply. Not Poco::Redis (1.11), which has no deadline for writing
// or for a whole reply, takes a truncated value for a complete one, and trusts every length.
//
// Small commands have a deadline of milliseconds. Values of megabytes cannot meet it on a slow
// line, so the deadline moves by the time that their bytes need at kSlowest: by those of the
// command before it is written, by those of a bulk string once its length has arrived.
#include "core/store/redis_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "core/net/connect.h"
#include "core/net/io.h"
#include "core/text/number.h"

namespace gatehouse::core {
namespace {

constexpr std::size_t kMaxReply = 16 << 20;  // four times the largest value that is stored
constexpr std::size_t kMaxItems = 100'000;   // of a whole reply; SCAN returns about a thousand keys
constexpr int kMaxDepth = 2;                 // SCAN returns an array in an array

/// Waits for a descriptor and the time only: a store call takes milliseconds, whatever becomes of
/// the request that it serves.
Waiter waiter_until(Clock::time_point deadline) {
  return Waiter(-1, -1, deadline, [] { return std::optional(Clock::time_point::max()); });
}

/// The longest that so many bytes may take.
Clock::duration time_for(std::size_t bytes) {
  return std::chrono::nanoseconds(std::chrono::seconds(1)) * static_cast<std::int64_t>(bytes) /
         static_cast<std::int64_t>(RedisConnection::kSlowest);
}

/// Routers forget a silent connection after minutes.
void keep_alive(Poco::Net::StreamSocket& socket) {
  const int on = 1, idle_seconds = 30, fd = socket.impl()->sockfd();
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
}

std::string encode(const std::vector<std::string_view>& command) {
  std::string bytes;
  std::size_t size = 32;
  for (const std::string_view word : command) size += word.size() + 32;
  bytes.reserve(size);
  bytes.append("*").append(std::to_string(command.size())).append("\r\n");
  for (const std::string_view word : command) {
    bytes.append("$").append(std::to_string(word.size())).append("\r\n");
    bytes.append(word).append("\r\n");
  }
  return bytes;
}

Error malformed() { return {Error::broken, "the reply is not valid RESP"}; }
Error too_large() { return {Error::too_large, "the reply is too large"}; }

}  // namespace

std::string_view RedisReply::code() const {
  // Redis 6 puts the error of a command into that of its script: "ERR Error running script ...:
  // -READONLY You".
  for (const std::string_view inner : {"-READONLY", "-OOM"}) {
    if (text.find(inner) != text.npos) return inner.substr(1);
  }
  return std::string_view(text).substr(0, std::min<std::size_t>(text.find(' '), 32));
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(const StoreSettings::Redis& settings,
                                                               Clock::time_point deadline) {
  Waiter waiter = waiter_until(Clock::time_point::max());
  auto socket = connect({settings.host, settings.port, settings.tls}, waiter, deadline);
  if (!socket) return socket.error();
  keep_alive(*socket);
  auto connection = std::make_unique<RedisConnection>(*std::move(socket));
  if (const auto done = connection->log_in(settings, deadline); !done) return done.error();
  return connection;
}

Result<void> RedisConnection::log_in(const StoreSettings::Redis& settings,
                                     Clock::time_point deadline) {
  if (!settings.password.empty() || !settings.user.empty()) {
    std::vector<std::string_view> auth{"AUTH", settings.user, settings.password};
    if (settings.user.empty()) auth.erase(auth.begin() + 1);
    if (const auto done = expect_ok(auth, deadline, "Redis rejected the user or the password");
        !done)
      return done.error();
  }
  if (settings.database == 0) return {};
  return expect_ok({"SELECT", std::to_string(settings.database)}, deadline,
                   "Redis rejected the number of the database");
}

/// An error reply is reported by its code alone: its text may repeat the password.
Result<void> RedisConnection::expect_ok(const std::vector<std::string_view>& command,
                                        Clock::time_point deadline, std::string_view rejected) {
  const auto reply = execute(command, deadline);
  if (!reply) return reply.error();
  if (reply->kind == RedisReply::kStatus) return {};
  if (reply->kind != RedisReply::kError) return malformed();
  return Error{Error::rejected, std::string(reply->code()).append(": ").append(rejected)};
}

Result<RedisReply> RedisConnection::execute(const std::vector<std::string_view>& command,
                                            Clock::time_point deadline) {
  const std::string bytes = encode(command);
  const auto patience = deadline - Clock::now();
  deadline_ = deadline + time_for(bytes.size());
  received_ = items_ = 0;
  Waiter waiter = waiter_until(deadline_);
  const auto written = write_all(socket_, bytes, waiter, patience);
  auto reply = written ? read_reply(0) : written.error();
  // The waiter reports its own deadline as a cancellation.
  const bool is_late =
      !reply && (reply.error().kind == Error::timeout || reply.error().kind == Error::cancelled);
  if (is_late) return Error{Error::timeout, "Redis did not reply in time"};
  return reply;
}

bool RedisConnection::is_idle() { return consumed_ == input_.size() && is_quiet(socket_); }

Result<RedisReply> RedisConnection::read_reply(int depth) {
  auto line = read_line();
  if (!line) return line.error();
  if (line->empty()) return malformed();
  const char type = (*line)[0];
  line->erase(0, 1);
  if (type == '+') return RedisReply{RedisReply::kStatus, 0, std::move(*line), {}};
  if (type == '-') return RedisReply{RedisReply::kError, 0, std::move(*line), {}};
  const auto number = parse_number<std::int64_t>(*line);
  if (!number) return malformed();
  if (type == ':') return RedisReply{RedisReply::kInteger, *number, {}, {}};
  if (type != '$' && type != '*') return malformed();
  if (*number == -1) return RedisReply{};
  if (*number < 0) return malformed();
  if (type == '*') return read_array(*number, depth);
  auto text = read_bytes(static_cast<std::size_t>(*number));
  if (!text) return text.error();
  return RedisReply{RedisReply::kBulk, 0, std::move(*text), {}};
}

Result<RedisReply> RedisConnection::read_array(std::int64_t size, int depth) {
  if (depth == kMaxDepth) return malformed();
  items_ += static_cast<std::size_t>(size);
  if (static_cast<std::size_t>(size) > kMaxItems || items_ > kMaxItems) return too_large();
  RedisReply array{RedisReply::kArray, 0, {}, {}};
  for (std::int64_t i = 0; i < size; ++i) {
    auto item = read_reply(depth + 1);
    if (!item) return item.error();
    array.items.push_back(std::move(*item));
  }
  return array;
}

Result<std::string> RedisConnection::read_line() {
  for (;;) {
    const std::size_t end = input_.find("\r\n", consumed_);
    if (end != input_.npos) {
      std::string line = input_.substr(consumed_, end - consumed_);
      consumed_ = end + 2;
      return line;
    }
    if (const auto received = receive(); !received) return received.error();
  }
}

Result<std::string> RedisConnection::read_bytes(std::size_t size) {
  if (size > kMaxReply) return too_large();
  deadline_ += time_for(size);
  std::string out;
  while (out.size() < size) {
    if (consumed_ == input_.size()) {
      if (const auto received = receive(); !received) return received.error();
    }
    const std::size_t n = std::min(size - out.size(), input_.size() - consumed_);
    out.append(input_, consumed_, n);
    consumed_ += n;
  }
  const auto end = read_line();
  if (!end) return end.error();
  if (!end->empty()) return malformed();
  return out;
}

Result<void> RedisConnection::receive() {
  // A server that never stops sending never makes read_some() wait.
  if (received_ > 0 && Clock::now() >= deadline_)
    return Error{Error::timeout, "the reply is incomplete"};
  input_.erase(0, consumed_);
  consumed_ = 0;
  Waiter waiter = waiter_until(deadline_);
  const auto read = read_some(socket_, waiter, deadline_);
  if (!read) return read.error();
  if (read->empty()) return Error{Error::broken, "Redis closed the connection"};
  input_.append(*read);
  received_ += read->size();
  if (received_ > kMaxReply) return too_large();
  return {};
}

}  // namespace gatehouse::core
