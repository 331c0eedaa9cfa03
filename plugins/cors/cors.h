#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::cors {

/// Lets pages of the configured origins read answers and refuses requests of all others. Requests
/// without an Origin (no browser, or a GET of an extension) pass.
class Cors final : public Plugin {
 public:
  Cors(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  /// Lets a page see why the server has refused it.
  void refused(Exchange& x) { (void)let_read(x); }

 private:
  bool let_read(Exchange& x) const;
  bool allows(View origin) const;

  std::vector<std::string> origins_;
  bool every_extension_ = false;
};

}  // namespace gatehouse::plugins::cors
