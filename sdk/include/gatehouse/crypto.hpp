/// gatehouse.crypto/1: SHA-256 and HMAC.
#pragma once

#include <initializer_list>

#include "gatehouse/abi/ext/crypto.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// The host's cryptography. Any thread.
class Crypto {
 public:
  explicit Crypto(Host host) : api_(detail::required<gh_crypto_api>(host, GH_CRYPTO_1)) {}
  Digest sha256(std::initializer_list<View> pieces) const {
    gh_hash* const hash = api_->begin();
    for (const View piece : pieces) api_->update(hash, raw(piece));
    return finish(hash);
  }
  /// Of the JSON text of a value, without making that text, after `prefix`.
  Digest sha256(View prefix, Json json) const {
    struct To {
      const gh_crypto_api* api;
      gh_hash* hash;
    } to{api_, api_->begin()};
    api_->update(to.hash, raw(prefix));
    detail::json->dump(json.raw(), &to, [](void* self, gh_str piece) {
      static_cast<To*>(self)->api->update(static_cast<To*>(self)->hash, piece);
    });
    return finish(to.hash);
  }
  Digest hmac_sha256(View key, View text) const {
    Digest digest;
    api_->hmac(raw(key), raw(text), digest.data());
    return digest;
  }

 private:
  Digest finish(gh_hash* hash) const {
    Digest digest;
    api_->finish(hash, digest.data());
    return digest;
  }
  const gh_crypto_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
