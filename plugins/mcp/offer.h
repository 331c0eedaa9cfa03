#pragma once

#include <unordered_map>

#include "server.h"

namespace gatehouse::plugins::mcp {

using Servers = std::vector<std::unique_ptr<Server>>;

/// The tools that one chat offers to the model and that run here.
class Offer {
 public:
  struct Entry {
    Server* server;
    const Tool* tool;
    bool needs_approval;
  };

  /// Adds them to the chat document: those that the client has announced as running in the gateway,
  /// and those of servers that offer theirs to all chats. Tools that need an approval are offered
  /// only to clients that can ask their user.
  Offer(Exchange& x, const Servers& servers);

  /// Null: it does not run here.
  const Entry* find(View name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }

 private:
  using ToolsByName = std::unordered_map<View, Json>;  // of the chat document

  void add_announced(MutableJson chat, ToolsByName& offered, Exchange& x, const Servers& servers);
  void add_all(MutableJson chat, ToolsByName& offered, Exchange& x, const Servers& servers);
  void add(MutableJson chat, ToolsByName& offered, Server& server, const Tool& tool);

  const bool client_can_ask_;
  std::unordered_map<View, Entry> entries_;          // by name
  std::vector<std::shared_ptr<const Tools>> lists_;  // own the tools of entries_
};

}  // namespace gatehouse::plugins::mcp
