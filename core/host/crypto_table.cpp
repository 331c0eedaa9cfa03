#include "core/host/crypto_table.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>
#include <new>

struct gh_hash {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  gh_hash() {
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  }
  ~gh_hash() { EVP_MD_CTX_free(context); }
};

namespace gatehouse::core {

const gh_crypto_api& crypto_table() {
  static const gh_crypto_api table = {
      sizeof(gh_crypto_api),
      [] { return new gh_hash; },
      [](gh_hash* hash, gh_str text) { EVP_DigestUpdate(hash->context, text.p, text.n); },
      [](gh_hash* hash, std::uint8_t* digest) {
        EVP_DigestFinal_ex(hash->context, digest, nullptr);
        delete hash;
      },
      [](gh_str key, gh_str text, std::uint8_t* digest) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(text.p);
        HMAC(EVP_sha256(), key.p ? key.p : "", static_cast<int>(key.n), bytes, text.n, digest,
             nullptr);
      },
  };
  return table;
}

}  // namespace gatehouse::core
