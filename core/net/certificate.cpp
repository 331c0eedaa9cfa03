#include "core/net/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>

namespace gatehouse::core {
namespace {

constexpr auto kSoon = std::chrono::hours(24 * 14);
constexpr const char* kOrder =
    ": put the certificate of the server first, and after each one that of its issuer";

template <auto free>
struct Free {
  void operator()(auto* object) const { free(object); }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

Error error(const std::string& file, std::string_view why) {
  ERR_clear_error();
  return {Error::broken, file + ": " + std::string(why)};
}

Result<std::string> read_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad() || text.empty())
    return error(file, in.is_open() && !in.bad() ? "the file is empty" : std::strerror(errno));
  return text;
}

Bio as_bio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Called for a key with a passphrase, which nobody is there to type.
int no_passphrase(char*, int, int, void* is_encrypted) {
  *static_cast<bool*>(is_encrypted) = true;
  return -1;
}

Result<Key> load_key(const CertificateFiles& files) {
  const std::string name = files.has_key_file() ? files.key : "`key`";
  const Result<std::string> text = files.has_key_file() ? read_file(files.key) : files.key;
  if (!text) return text.error();
  bool is_encrypted = false;
  Key key(PEM_read_bio_PrivateKey(as_bio(*text).get(), nullptr, no_passphrase, &is_encrypted));
  if (is_encrypted)
    return error(name, "the key has a passphrase: remove it by openssl pkey -in FILE -out FILE");
  if (!key) return error(name, "this is not a private key in PEM format");
  return key;
}

Result<std::vector<X509Ptr>> load_chain(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return text.error();
  const Bio bio = as_bio(*text);
  std::vector<X509Ptr> chain;
  while (X509* const one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    chain.emplace_back(one);
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (chain.empty() || !is_end) return error(file, "this is not a certificate in PEM format");
  ERR_clear_error();
  return chain;
}

Certificate::Time as_time(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string date(Certificate::Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", ::gmtime_r(&seconds, &parts))};
}

}  // namespace

struct Certificate::Parts {
  std::vector<X509Ptr> chain;  // at least that of the server
  Key key;
};

Result<Certificate> Certificate::load(const CertificateFiles& files) {
  auto chain = load_chain(files.certificate);
  if (!chain) return chain.error();
  auto key = load_key(files);
  if (!key) return key.error();
  for (std::size_t i = 0; i < chain->size(); ++i) {
    if (X509_check_private_key((*chain)[i].get(), key->get()) != 1) continue;
    if (i > 0)
      return error(files.certificate,
                   "the key belongs to certificate " + std::to_string(i + 1) + kOrder);
    ERR_clear_error();
    return Certificate(files.certificate,
                       std::make_shared<const Parts>(Parts{*std::move(chain), *std::move(key)}));
  }
  return error(files.certificate, "the key belongs to another certificate");
}

std::vector<std::string> Certificate::warnings(Time now) const {
  std::vector<std::string> out;
  const auto& chain = parts_->chain;
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (X509_check_issued(chain[i].get(), chain[i - 1].get()) == X509_V_OK) continue;
    out.push_back(file_ + ": certificate " + std::to_string(i + 1) +
                  " is not the issuer of certificate " + std::to_string(i) + kOrder);
  }
  if (const Time begins = as_time(X509_get0_notBefore(chain[0].get())); begins > now)
    out.push_back(file_ + ": clients reject this certificate before " + date(begins));
  if (expires() <= now) {
    out.push_back(file_ + ": this certificate has expired on " + date(expires()) +
                  ", clients reject it: renew it");
  } else if (expires() <= now + kSoon) {
    out.push_back(file_ + ": this certificate expires on " + date(expires()) + ": renew it");
  }
  ERR_clear_error();
  return out;
}

Certificate::Time Certificate::expires() const {
  return as_time(X509_get0_notAfter(parts_->chain[0].get()));
}

bool Certificate::is_for(std::string_view host) const {
  return X509_check_host(parts_->chain[0].get(), host.data(), host.size(),
                         X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1;
}

bool Certificate::use_in(SSL* tls) const {
  const auto& chain = parts_->chain;
  const std::unique_ptr<STACK_OF(X509), Free<[](STACK_OF(X509) * s) { sk_X509_free(s); }>> issuers(
      sk_X509_new_null());
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(issuers.get(), chain[i].get());
  return SSL_use_cert_and_key(tls, chain[0].get(), parts_->key.get(), issuers.get(), 1) == 1;
}

}  // namespace gatehouse::core
