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

  /// The first word of an error reply, such as READONLY or NOAUTH.
  std::string_view code() const;
  bool is_error(std::string_view its_code) const { return kind == kError && code() == its_code; }
};

/// A connection to Redis that executes one command after another. After an error it must not be
/// used again. One thread at a time.
class RedisConnection {
 public:
  /// Connects, logs in and selects the database. The detail of Error::rejected begins with the code
  /// of the reply and a colon: "WRONGPASS: ...".
  static Result<std::unique_ptr<RedisConnection>> open(const StoreSettings::Redis& settings,
                                                       Clock::time_point deadline);
  /// On a connected, non-blocking socket.
  explicit RedisConnection(Poco::Net::StreamSocket socket) : socket_(std::move(socket)) {}

  /// Error replies are replies as well. A large command or reply may take longer than until
  /// `deadline`: as long as its bytes need at kSlowest.
  Result<RedisReply> execute(const std::vector<std::string_view>& command,
                             Clock::time_point deadline);
  /// Neither closed by the server nor out of step.
  bool is_idle();
  Clock::time_point opened() const { return opened_; }
  /// Some bytes of the last reply have arrived.
  bool has_begun() const { return received_ > 0; }

  static constexpr std::size_t kSlowest = 4 << 20;  // bytes per second: a third of 100 Mbit/s

 private:
  Result<void> log_in(const StoreSettings::Redis& settings, Clock::time_point deadline);
  Result<void> expect_ok(const std::vector<std::string_view>& command, Clock::time_point deadline,
                         std::string_view rejected);
  Result<RedisReply> read_reply(int depth);
  Result<RedisReply> read_array(std::int64_t size, int depth);
  Result<std::string> read_line();
  Result<std::string> read_bytes(std::size_t size);
  Result<void> receive();

  Poco::Net::StreamSocket socket_;
  const Clock::time_point opened_ = Clock::now();
  Clock::time_point deadline_;  // of the reply to the last command
  std::string input_;
  std::size_t consumed_ = 0;  // of input_
  std::size_t received_ = 0;  // bytes since the last command
  std::size_t items_ = 0;     // of arrays, since the last command
};

}  // namespace gatehouse::core
