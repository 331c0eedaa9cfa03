/// How clients of a model's API ask for tools of the gateway, which their requests cannot name.
#pragma once

#include <algorithm>

#include "gatehouse/document.hpp"
#include "gatehouse/exchange.hpp"

namespace gatehouse {
inline namespace v1 {

/// Announces in the chat document what the header X-Gatehouse-Tools lists, separated by commas. A
/// function of the client with the same name takes precedence, so `tools` must have been written.
/// The client sees nothing of the gateway's tools.
inline void announce_backend_tools(const Exchange& x, MutableJson chat) {
  chat.edit("hidden_tools").set(true);
  const auto is_the_clients = [chat](View name) {
    for (const Json tool : chat["tools"]) {
      if (tool["name"].str() == name) return true;
    }
    return false;
  };
  View list = x.header("X-Gatehouse-Tools");
  while (!list.empty()) {
    const View name = trim(list.substr(0, list.find(',')));
    list.remove_prefix(std::min(list.find(','), list.size() - 1) + 1);
    if (!name.empty() && !is_the_clients(name)) chat.edit("backend_tools").push().set(name);
  }
}

}  // namespace v1
}  // namespace gatehouse
