#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/every.hpp"

namespace gatehouse::plugins::tools {

/// POST /api/tools/sync keeps the tools of an extension in the store; its chats that announce no
/// tools get them from there. Tools are kept by the tenant and user of the caller, or the client's
/// address where no user is known: nobody is offered another caller's tools or can replace them.
class Tools final : public Plugin {
 public:
  Tools(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status sync(Exchange& x, Sink& out);
  Status keep(Exchange& x, View tools) const;
  void fill_in(Exchange& x);
  bool serves(const Caller& caller) const;
  void warn(const Exchange& x, View reason);

  const Host host_;
  const Store store_;
  const std::chrono::milliseconds ttl_;
  const bool anyone_;
  const std::size_t max_tools_;
  const std::size_t max_tool_bytes_;
  Every warn_;
};

}  // namespace gatehouse::plugins::tools
