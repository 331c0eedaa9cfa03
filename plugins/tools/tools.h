#pragma once

#include <atomic>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::tools {

/// POST /api/tools/sync keeps the tools of an extension in the store; its chats that bring no
/// `toolSchemas` get them from there. Tools are kept by the id of the extension and by who uses it,
/// an install token or else an address: nobody is offered those of another, or can replace them.
class Tools final : public Plugin {
 public:
  Tools(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status sync(Exchange& x, Sink& out) const;
  Status complete(Exchange& x);
  bool serves(const Exchange& x) const;
  void warn(const Exchange& x, View why);

  const Host host_;
  const Store store_;
  const int sync_route_;
  const std::chrono::milliseconds ttl_;
  const bool anyone_;
  const std::size_t max_tools_;
  const std::size_t max_tool_bytes_;
  std::atomic<std::chrono::nanoseconds>
      next_warning_{};  // without it, a store that is down would be told with each chat
};

}  // namespace gatehouse::plugins::tools
