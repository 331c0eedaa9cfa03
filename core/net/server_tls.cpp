#include "core/net/server_tls.h"

#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SSLManager.h>

#include <algorithm>
#include <utility>

namespace gatehouse::core {
namespace {

using Poco::Net::Context;

// Of TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing else.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

Context::Ptr new_context() {
  Poco::Net::initializeSSL();
  Context::Params params;
  params.verificationMode = Context::VERIFY_NONE;  // of clients
  params.cipherList = kCiphers;
  const Context::Ptr context = new Context(Context::TLS_SERVER_USE, params);
  SSL_CTX* const tls = context->sslContext();
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set1_groups_list(tls, "X25519:P-256:P-384");  // Poco's default is one curve
  // What is sent stands in a buffer that grows while the client does not read, and an idle
  // connection holds no buffers.
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  return context;
}

}  // namespace

ServerTls::ServerTls(std::vector<Certificate> certificates)
    : certificates_(std::move(certificates)), context_(new_context()) {
  SSL_CTX_set_cert_cb(context_->sslContext(), choose_certificate, this);
  SSL_CTX_set_alpn_select_cb(context_->sslContext(), choose_protocol, nullptr);
}

Poco::Net::SecureStreamSocket ServerTls::secure(const Poco::Net::StreamSocket& socket) const {
  return Poco::Net::SecureStreamSocket::attach(socket, context_);
}

int ServerTls::choose_certificate(SSL* tls, void* self) {
  const auto& certificates = static_cast<const ServerTls*>(self)->certificates_;
  const char* const name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
  const auto fits = [&](const Certificate& certificate) { return certificate.is_for(name); };
  auto chosen =
      name ? std::find_if(certificates.begin(), certificates.end(), fits) : certificates.begin();
  if (chosen == certificates.end()) chosen = certificates.begin();
  return chosen->use_in(tls);
}

/// RFC 7301 3.2: a client that offers other protocols only gets an alert.
int ServerTls::choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                               const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char kHttp[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kHttp, sizeof kHttp - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace gatehouse::core
