#pragma once

#include <Poco/Net/StreamSocket.h>

#include <string>

#include "core/net/wait.h"

namespace gatehouse::core {

/// From now on trusts the authorities whose certificates are in `pem`, beside those of the system.
/// Throws std::runtime_error if there is a fault. Any thread.
void trust_authorities(const std::string& pem);
/// Why `pem` does not consist of at least one whole certificate; empty: it does.
std::string fault_of_authorities(const std::string& pem);

/// Before each TLS operation: OpenSSL takes an error that anything else has left on this thread for
/// one of this connection (SSL_get_error(3)).
void forget_tls_errors();

/// Starts TLS with `host` on a connected socket, at most until `until`. The name and the
/// certificate are verified against the trusted authorities. After an error the socket is useless.
Result<void> start_tls(Poco::Net::StreamSocket& socket, const std::string& host, Waiter& waiter,
                       Clock::time_point until);
/// The same without verification, for a connection that does not leave this machine.
Result<void> start_local_tls(Poco::Net::StreamSocket& socket, const std::string& host,
                             Waiter& waiter, Clock::time_point until);

}  // namespace gatehouse::core
