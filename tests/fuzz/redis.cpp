/// What a Redis server sends before it ends the connection: the answers to one command after
/// another.
#include <Poco/Net/StreamSocketImpl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "core/store/redis_connection.h"
#include "require.h"

namespace gatehouse::core {
namespace {

// What the buffers of a socket hold for nobody to read: of Linux's 208 KiB, every piece takes about
// 1 KiB besides its bytes.
constexpr std::size_t kMaxBytes = 64 << 10;
constexpr std::size_t kMaxPiece = 4096;
constexpr std::size_t kMaxPieces = 100;

void write(std::string& to, const RedisReply& reply) {
  switch (reply.kind) {
    case RedisReply::kStatus: to += '+'; break;
    case RedisReply::kError: to += '-'; break;
    case RedisReply::kInteger: to += ':' + std::to_string(reply.integer); break;
    case RedisReply::kBulk: to += '$' + std::to_string(reply.text.size()) + "\r\n"; break;
    case RedisReply::kNil: to += "$-1"; break;
    case RedisReply::kArray: to += '*' + std::to_string(reply.items.size()); break;
  }
  to.append(reply.text).append("\r\n");
  for (const RedisReply& item : reply.items) write(to, item);
}

std::size_t memory(const RedisReply& reply) {
  std::size_t bytes = reply.text.capacity() + reply.items.capacity() * sizeof reply;
  for (const RedisReply& item : reply.items) bytes += memory(item);
  return bytes;
}

/// The answers before the first that is none.
std::string read(std::string_view bytes, std::size_t piece) {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0,
          "there are sockets");  // of the kind that keeps pieces apart
  for (std::string_view rest = bytes; !rest.empty();
       rest.remove_prefix(std::min(piece, rest.size()))) {
    const auto sent = ::send(ends[1], rest.data(), std::min(piece, rest.size()), MSG_DONTWAIT);
    require(sent == static_cast<ssize_t>(std::min(piece, rest.size())),
            "the buffer of a socket is large enough");
  }
  ::shutdown(ends[1], SHUT_WR);

  Poco::Net::StreamSocket socket(new Poco::Net::StreamSocketImpl(ends[0]));
  socket.setBlocking(false);
  RedisConnection connection(std::move(socket));
  std::string out, why;
  for (const auto deadline = Clock::now() + std::chrono::minutes(1);;) {
    RedisReply reply;
    const bool answered = connection.ask({"PING"}, reply, deadline, why);
    // The least answer, "+\r\n", makes a RedisReply of 72 bytes in a vector that doubles.
    require(memory(reply) <= 64 * (bytes.size() + 1),
            "what is announced takes no memory before it comes");
    if (!answered) break;
    write(out, reply);
    char command[64];
    (void)!::recv(ends[1], command, sizeof command, MSG_DONTWAIT);
  }
  require(!why.empty(), "a failure says why");
  require(!connection.is_idle(), "a connection that has ended is not used again");
  ::close(ends[1]);
  return out;
}

}  // namespace
}  // namespace gatehouse::core

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::core;
  const std::string_view bytes(reinterpret_cast<const char*>(data), std::min(size, kMaxBytes));
  const std::string whole = read(bytes, kMaxPiece);
  require(whole.size() <= bytes.size(), "an answer is not larger than what came");
  require(read(whole, kMaxPiece) == whole, "what is understood can be told in the same protocol");
  require(read(bytes, bytes.size() / kMaxPieces + 1) == whole,
          "answers do not depend on the pieces they come in");
  return 0;
}
