#pragma once

#include <Poco/Net/StreamSocket.h>

#include <memory>
#include <string>

#include "core/net/server_tls.h"
#include "core/net/wait.h"

namespace gatehouse::core {

/// What precedes the first request of a connection: the header of the PROXY protocol, then the TLS
/// handshake. It never waits.
class Opening {
 public:
  enum class Step {
    wait_for_input,
    wait_for_output,  // until the client reads
    done,
    failed
  };

  /// `tls`: null: without.
  Opening(bool has_proxy_header, std::shared_ptr<const ServerTls> tls, Clock::time_point deadline)
      : has_proxy_header_(has_proxy_header), tls_(std::move(tls)), deadline_(deadline) {}

  /// Takes what has arrived, without waiting. Makes `socket` a TLS socket, and `peer` the client
  /// that the PROXY protocol names.
  Step advance(Poco::Net::StreamSocket& socket, std::string& peer);
  /// When done: the client speaks plain HTTP instead of TLS.
  bool is_plain() const { return is_plain_; }
  /// When failed: the reason, as metrics have it, and what happened.
  const std::string& failure() const { return failure_; }
  const std::string& detail() const { return detail_; }

 private:
  Step read_proxy_header(int fd, std::string& peer);
  Step begin_tls(Poco::Net::StreamSocket& socket);
  Step handshake(Poco::Net::StreamSocket& socket);
  static Step wait(int fd, short event);
  Step fail(const std::string& stage, std::string detail);

  bool has_proxy_header_;  // which has not been read
  std::string proxy_header_;
  const std::shared_ptr<const ServerTls> tls_;
  const Clock::time_point deadline_;
  bool is_plain_ = false;
  std::string failure_, detail_;
};

}  // namespace gatehouse::core
