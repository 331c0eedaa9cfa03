#include "core/net/tls.h"

#include <Poco/Crypto/X509Certificate.h>
#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace gatehouse::core {
namespace {

using Poco::Net::Context;
using Poco::Net::SecureStreamSocket;

using Certificates = std::vector<Poco::Crypto::X509Certificate>;

/// Throws std::runtime_error.
Certificates certificates_of(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&::BIO_free)> text(
      ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), ::BIO_free);
  Certificates all;
  while (X509* const certificate = ::PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr))
    all.emplace_back(certificate);
  const unsigned long error = ::ERR_peek_last_error();
  ::ERR_clear_error();
  const bool is_end = ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!is_end)
    throw std::runtime_error("certificate " + std::to_string(all.size() + 1) + " is damaged");
  if (all.empty()) throw std::runtime_error("it has no certificate");
  return all;
}

/// Accepts TLS 1.2 and newer only.
Context::Ptr new_context(Context::VerificationMode verification = Context::VERIFY_STRICT) {
  Poco::Net::initializeSSL();
  Context::Ptr c =
      new Context(Context::TLS_CLIENT_USE, "", "", "", verification, 9, true, "HIGH:!aNULL");
  c->requireMinimumProtocol(Context::PROTO_TLSV1_2);
  return c;
}

/// The context of all connections. A new one takes its place when the authorities change, and the
/// old one lives as long as its connections.
struct Trusted {
  std::mutex mutex;
  std::string pem;       // guarded by mutex
  Context::Ptr context;  // guarded by mutex

  Context::Ptr get() {
    const std::lock_guard lock(mutex);
    if (!context) context = new_context();
    return context;
  }
};
Trusted& trusted() {
  static Trusted trusted;
  return trusted;
}

/// Verifies the certificate of `host` as the context demands.
Result<void> shake_hands(Poco::Net::StreamSocket& socket, const std::string& host,
                         const Context::Ptr& context, Waiter& waiter, Clock::time_point until) {
  try {
    SecureStreamSocket secure = SecureStreamSocket::attach(socket, host, context);
    for (;;) {
      forget_tls_errors();
      const int result = secure.completeHandshake();
      if (result == 1) break;
      const short events = result == SecureStreamSocket::ERR_SSL_WANT_WRITE ? POLLOUT : POLLIN;
      const Wake wake = waiter.wait(secure.impl()->sockfd(), events, until);
      if (wake != Wake::ready)
        return as_error(wake, Error::connect_timeout, host + ": the TLS handshake timed out");
    }
    secure.verifyPeerCertificate();
    socket = secure;
    return {};
  } catch (const Poco::Exception& e) {
    return Error{Error::unreachable, host + ": " + e.displayText()};
  }
}

}  // namespace

void forget_tls_errors() { ::ERR_clear_error(); }

std::string fault_of_authorities(const std::string& pem) {
  try {
    (void)certificates_of(pem);
    return "";
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

void trust_authorities(const std::string& pem) {
  const std::lock_guard lock(trusted().mutex);
  if (trusted().pem == pem) return;
  Context::Ptr context = new_context();
  if (!pem.empty()) {
    for (const auto& certificate : certificates_of(pem))
      context->addCertificateAuthority(certificate);
  }
  trusted().context = context;
  trusted().pem = pem;
}

Result<void> start_tls(Poco::Net::StreamSocket& socket, const std::string& host, Waiter& waiter,
                       Clock::time_point until) {
  return shake_hands(socket, host, trusted().get(), waiter, until);
}

Result<void> start_local_tls(Poco::Net::StreamSocket& socket, const std::string& host,
                             Waiter& waiter, Clock::time_point until) {
  return shake_hands(socket, host, new_context(Context::VERIFY_NONE), waiter, until);
}

}  // namespace gatehouse::core
