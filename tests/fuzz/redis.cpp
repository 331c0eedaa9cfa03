/// What a Redis server sends before it closes the connection: the replies to one command after
/// another.
#include <Poco/Net/StreamSocketImpl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "core/store/redis_connection.h"
#include "require.h"

namespace gatehouse::core {
namespace {

// What the buffers of a socket hold unread: of Linux's 208 KiB, every piece takes about 1 KiB in
// addition to its bytes.
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

/// The replies before the first invalid one.
std::string read(std::string_view bytes, std::size_t piece) {
  int ends[2];
  // SOCK_SEQPACKET keeps pieces apart.
  require(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "there are sockets");
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
  std::string out;
  for (const auto deadline = Clock::now() + std::chrono::minutes(1);;) {
    const auto reply = connection.execute({"PING"}, deadline);
    if (!reply) {
      require(!reply.error().detail.empty(), "an error has a detail");
      break;
    }
    // The smallest reply, "+\r\n", makes a RedisReply of 72 bytes in a vector that doubles.
    require(memory(*reply) <= 64 * (bytes.size() + 1),
            "what is announced takes no memory before it arrives");
    write(out, *reply);
    char command[64];
    (void)!::recv(ends[1], command, sizeof command, MSG_DONTWAIT);
  }
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
  require(whole.size() <= bytes.size(), "a reply is not larger than what was received");
  require(read(whole, kMaxPiece) == whole, "what was parsed can be written in the same protocol");
  require(read(bytes, bytes.size() / kMaxPieces + 1) == whole,
          "replies do not depend on the pieces they arrive in");
  return 0;
}
