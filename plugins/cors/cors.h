#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Lets pages of the configured origins read answers and refuses requests of all others. Requests without an Origin
/// (no browser, or a GET of an extension) pass.
class Cors final : public Plugin {
 public:
  Cors(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  bool allows(View origin) const;

  std::vector<std::string> origins_;
  bool every_extension_ = false;
};

}  // namespace gatehouse
