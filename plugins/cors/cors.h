#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::cors {

/// Lets pages of the configured origins read responses, and rejects requests from all other
/// origins. Requests without an Origin (not from a browser, or a GET of an extension) pass.
class Cors final : public Plugin {
 public:
  Cors(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  /// Lets a page read why the server has rejected its request.
  void refused(Exchange& x) const { (void)grant(x); }

 private:
  bool grant(Exchange& x) const;
  bool allows(View origin) const;

  std::vector<std::string> origins_;
  bool every_extension_ = false;
};

}  // namespace gatehouse::plugins::cors
