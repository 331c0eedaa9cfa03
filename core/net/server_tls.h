#pragma once

#include <Poco/Net/Context.h>
#include <Poco/Net/SecureStreamSocket.h>

#include <vector>

#include "core/net/certificate.h"

namespace gatehouse::core {

/// The server's side of TLS: TLS 1.2 and newer, HTTP/1.1, no renegotiation. Any thread.
class ServerTls {
 public:
  /// `certificates`: at least one. Clients get the one for the name that they request (SNI), else
  /// the first. Throws Poco::Exception.
  explicit ServerTls(std::vector<Certificate> certificates);
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;

  /// A TLS socket over `socket`, before its handshake, during which this object must live.
  Poco::Net::SecureStreamSocket secure(const Poco::Net::StreamSocket& socket) const;

 private:
  static int choose_certificate(SSL* tls, void* self);
  static int choose_protocol(SSL* tls, const unsigned char** chosen, unsigned char* size,
                             const unsigned char* offered, unsigned offered_size, void* self);

  const std::vector<Certificate> certificates_;
  const Poco::Net::Context::Ptr context_;
};

}  // namespace gatehouse::core
