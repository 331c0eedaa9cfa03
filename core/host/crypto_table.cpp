#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>
#include <new>

#include "core/host/tables.h"

struct gh_hash {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  gh_hash() {
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  }
  ~gh_hash() { EVP_MD_CTX_free(context); }
};

namespace gatehouse::core {
namespace {

/// Without memory the process ends: nothing else may pass for a digest.
gh_hash* begin() noexcept { return new gh_hash; }

void update(gh_hash* hash, gh_str text) { EVP_DigestUpdate(hash->context, text.p, text.n); }

void finish(gh_hash* hash, std::uint8_t* digest) {
  EVP_DigestFinal_ex(hash->context, digest, nullptr);
  delete hash;
}

void hmac(gh_str key, gh_str text, std::uint8_t* digest) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.p);
  const char* const key_bytes = key.p ? key.p : "";
  HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.n), bytes, text.n, digest, nullptr);
}

}  // namespace

const gh_crypto_api& crypto_table() {
  static constexpr gh_crypto_api kTable = {.size = sizeof kTable,
                                           .reserved = 0,
                                           .begin = begin,
                                           .update = update,
                                           .finish = finish,
                                           .hmac = hmac};
  return kTable;
}

}  // namespace gatehouse::core
