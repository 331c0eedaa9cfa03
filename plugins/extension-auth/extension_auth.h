#pragma once

#include "gatehouse/plugin.hpp"
#include "signatures.h"

namespace gatehouse::plugins::extension_auth {

/// Refuses requests without a well-formed, allowed X-Extension-ID and, if the configuration asks
/// for it, without an install token or a signature. Only a signature needs the body; all else is
/// decided before that is read. The id alone proves nothing, so more is needed where other machines
/// reach the gateway, unless the operator says otherwise.
class ExtensionAuth final : public Plugin {
 public:
  ExtensionAuth(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  struct Token {
    std::string name, sha256;
  };
  /// Sets the caller, or says why it is not known.
  Status identify(Exchange& x) const;
  /// The name of the install that asks; empty if none needs to be shown.
  Result<View> install_of(Exchange& x) const;
  Result<View> bearer_of(Exchange& x) const;

  const Crypto crypto_;
  std::vector<std::string> ids_;  // sorted; empty: any
  std::vector<Token> tokens_;
  const Signatures signatures_;
};

}  // namespace gatehouse::plugins::extension_auth
