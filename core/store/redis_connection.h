#pragma once

#include <Poco/Net/StreamSocket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/settings.h"
#include "core/net/wait.h"

namespace gatehouse::core {

/// One value of the protocol RESP 2, https://redis.io/docs/reference/protocol-spec.
struct RedisReply {
  enum Kind { kStatus, kError, kInteger, kBulk, kNil, kArray };

  Kind kind = kNil;
  std::int64_t integer = 0;
  std::string text;               // of kStatus, kError, kBulk
  std::vector<RedisReply> items;  // of kArray

  /// Of kError: the word that says which, such as READONLY or NOAUTH.
  std::string_view code() const;
};

/// A connection to Redis on which one command after another is asked. Not Poco::Redis: that has no
/// deadline for writing or for a whole answer, takes a value that breaks off for a whole one, and
/// trusts every length and depth (Poco 1.11).
///
/// After a failure it is of no use. One thread at a time.
class RedisConnection {
 public:
  /// Connects, and gives the password and the database. Nothing: `why` says why not, and `code`
  /// with which word it refuses who asks, such as WRONGPASS.
  static std::unique_ptr<RedisConnection> open(const StoreSettings::Redis& settings,
                                               Clock::time_point deadline, std::string& why,
                                               std::string& code);
  /// On a socket that is connected and does not block.
  explicit RedisConnection(Poco::Net::StreamSocket socket) : socket_(std::move(socket)) {}

  /// False: there is no answer, and `why` says why. Large values, of the command or the answer,
  /// have more time than until `deadline`: what they need at kSlowest.
  bool ask(const std::vector<std::string_view>& command, RedisReply& reply,
           Clock::time_point deadline, std::string& why);
  /// Neither closed by the other side nor out of step.
  bool is_idle();
  Clock::time_point opened() const { return opened_; }
  /// Some of the last answer has come.
  bool has_begun() const { return received_ > 0; }

  static constexpr std::size_t kSlowest = 4 << 20;  // bytes in a second: a third of 100 Mbit/s

 private:
  bool log_in(const StoreSettings::Redis& settings, Clock::time_point deadline, std::string& why,
              std::string& code);
  bool accepts(const std::vector<std::string_view>& command, Clock::time_point deadline,
               std::string& why, std::string& code);
  bool read_reply(RedisReply& reply, int depth);
  bool read_line(std::string& line);
  bool read_bytes(std::string& out, std::size_t size);
  bool receive();

  Poco::Net::StreamSocket socket_;
  const Clock::time_point opened_ = Clock::now();
  Clock::time_point deadline_;  // of the answer to the last command
  std::string input_;
  std::size_t consumed_ = 0;  // of input_
  std::size_t received_ = 0;  // bytes since the last command
  std::size_t items_ = 0;     // of lists, since the last command
};

}  // namespace gatehouse::core
