#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Refuses requests without a well-formed X-Extension-ID, before their body is read.
class ExtensionAuth final : public Plugin {
 public:
  ExtensionAuth(Host, Json) {}

  Status handle(Exchange& x, Sink& out, Next& next) override;
};

}  // namespace gatehouse
