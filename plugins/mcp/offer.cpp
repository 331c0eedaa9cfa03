#include "offer.h"

#include <algorithm>
#include <map>

#include "gatehouse/toolkit/contains.hpp"

namespace gatehouse::plugins::mcp {
Offer::Offer(Exchange& x, const Servers& servers)
    : client_can_ask_(contains(x.chat()["accepts"], "tool-approval-request")) {
  const MutableJson chat = x.chat();
  ToolsByName offered;
  for (const Json tool : chat["tools"]) offered.emplace(tool["name"].str(), tool);
  add_announced(chat, offered, x, servers);
  // A workflow may restrict the tools, and does not know these.
  if (chat["workflow"].is_null()) add_all(chat, offered, x, servers);
}

void Offer::add_announced(MutableJson chat, ToolsByName& offered, Exchange& x,
                          const Servers& servers) {
  std::map<View, std::shared_ptr<const Tools>> asked;  // each server once
  for (const Json name : chat["backend_tools"]) {
    const View prefix = name.str().substr(0, name.str().find('_'));  // servers have no _ in names
    const auto server = std::find_if(servers.begin(), servers.end(),
                                     [&](const auto& s) { return s->name() == prefix; });
    if (server == servers.end()) continue;
    const auto [list, is_new] = asked.try_emplace(prefix, nullptr);
    if (is_new) lists_.push_back(list->second = (*server)->tools(x));
    const Tool* const tool = list->second ? list->second->find(name.str()) : nullptr;
    if (tool) add(chat, offered, **server, *tool);
  }
}

void Offer::add_all(MutableJson chat, ToolsByName& offered, Exchange& x, const Servers& servers) {
  for (const auto& server : servers) {
    if (!server->offers_to_all()) continue;
    const auto list = lists_.emplace_back(server->tools(x));
    if (!list) continue;
    for (const Tool& tool : list->offered()) {
      if (!offered.count(tool.name)) add(chat, offered, *server, tool);
    }
  }
}

/// Replaces a tool of the client of the same name.
void Offer::add(MutableJson chat, ToolsByName& offered, Server& server, const Tool& tool) {
  const bool needs_approval = server.needs_approval(tool);
  if (needs_approval && !client_can_ask_) return;
  MutableJson tools = chat.edit("tools");
  Json& place = offered[tool.name];
  if (place) tools.erase(place);
  MutableJson added = tools.push();
  added.set(tool.definition.root());
  place = added;
  entries_.insert_or_assign(tool.name, Entry{&server, &tool, needs_approval});
}

}  // namespace gatehouse::plugins::mcp
