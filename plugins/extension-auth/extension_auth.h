#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/guard.hpp"
#include "signatures.h"

namespace gatehouse::plugins::extension_auth {

/// Rejects requests to its paths without a well-formed, allowed X-Extension-ID and, if so
/// configured, without an install token or a signature; sets the caller of the others. Only a
/// signature needs the body: everything else is decided before it is read. The id alone proves
/// nothing, so a gateway that other machines can reach needs tokens or signatures unless the
/// operator decides otherwise.
class ExtensionAuth final : public Plugin {
 public:
  ExtensionAuth(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  struct Token {
    std::string name, sha256;
  };
  Status identify(Exchange& x) const;
  Status check_id(View id, View origin) const;
  Result<View> install_of(Exchange& x) const;
  Result<View> install_of_token(Exchange& x) const;

  const GuardedPaths paths_;
  const Crypto crypto_;
  std::vector<std::string> ids_;  // sorted; empty: any
  std::vector<Token> tokens_;
  const Signatures signatures_;
};

}  // namespace gatehouse::plugins::extension_auth
