#pragma once

#include <atomic>

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// POST /api/tools/sync keeps the tools of an extension in the store; its chats that bring no `toolSchemas` get them from
/// there. Tools are kept by the id of the extension and the name of its install token: nobody is offered those of another.
class Tools final : public Plugin {
 public:
  Tools(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status sync(Exchange& x, Sink& out) const;
  Status complete(Exchange& x);
  void warn(const Exchange& x, View why);

  const Host host_;
  const Store store_;
  const int sync_route_;
  const std::chrono::milliseconds ttl_;
  const std::size_t max_tools_;
  const std::size_t max_tool_bytes_;
  std::atomic<std::chrono::nanoseconds> next_warning_{};  // without it, a store that is down would be told with each chat
};

}  // namespace gatehouse
