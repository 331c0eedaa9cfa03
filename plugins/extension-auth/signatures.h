#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::extension_auth {

/// Checks that a request was signed with one of the secrets, recently, and is not a replay. The
/// signature is the HMAC-SHA-256, in lower-case hexadecimal digits, of
///
///   METHOD \n PATH \n QUERY \n SHA-256 of the body in hexadecimal digits \n X-Gatehouse-Timestamp
///   \n X-Gatehouse-Nonce
class Signatures {
 public:
  /// `config` is the setting `hmac`; absent: there are no secrets.
  Signatures(Host host, Json config);

  bool empty() const { return secrets_.empty(); }
  /// The name of the secret. Reads the body, but not before the headers are in order.
  Result<View> signer_of(Exchange& x) const;

 private:
  struct Secret {
    std::string name, secret;
  };
  bool is_current(View timestamp) const;
  Result<View> name_of_secret(Exchange& x) const;
  Status use(Exchange& x, View signer) const;

  const Host host_;
  const Crypto crypto_;
  const Store store_;
  std::vector<Secret> secrets_;
  const std::chrono::milliseconds max_skew_;
  const bool open_on_store_failure_;
};

}  // namespace gatehouse::plugins::extension_auth
