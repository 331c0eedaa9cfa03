#pragma once

#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::extension_auth {

/// Checks that a request was signed with one of the secrets, a short time ago, and has not been
/// here before. The signature is the HMAC-SHA-256, in hexadecimal digits, of
///
///   METHOD \n PATH \n QUERY \n SHA-256 of the body in hexadecimal digits \n X-Gatehouse-Timestamp
///   \n X-Gatehouse-Nonce
class Signatures {
 public:
  /// `config` is the setting `hmac`, or nothing: then there are no secrets.
  Signatures(Host host, Json config);

  bool empty() const { return secrets_.empty(); }
  /// The name of the secret. Reads the body, but only if the headers alone are worth it.
  Result<View> signer_of(Exchange& x) const;

 private:
  struct Secret {
    std::string name, secret;
  };
  bool is_now(View timestamp) const;

  const Host host_;
  const Crypto crypto_;
  const Store store_;
  std::vector<Secret> secrets_;
  const std::chrono::milliseconds max_skew_;
  const bool open_on_store_failure_;
};

}  // namespace gatehouse::plugins::extension_auth
