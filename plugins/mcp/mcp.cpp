#include "mcp.h"

#include <algorithm>

#include "decisions.h"
#include "http_transport.h"
#include "result.h"
#include "schema.h"
#include "stdio_transport.h"
#include "step.h"

namespace gatehouse::plugins::mcp {
namespace {

std::int64_t steps_so_far(Json messages);
void withdraw_tools(MutableJson chat);
void release_choice(MutableJson chat);

}  // namespace

Status Mcp::handle(Exchange& x, Sink& out, Next& next) {
  const Servers none;
  const Offer offer(x, serves(x) ? servers_ : none);
  Allowance allowance{max_calls_, max_result_, max_results_};
  rewrite_results(x.chat().edit("messages"));
  if (Status status = carry_out_decisions(host_, x, out, offer, approvals_, allowance); !status)
    return status;
  std::int64_t total = steps_so_far(x.chat()["messages"]);
  for (std::int64_t steps = 1;; ++steps, ++total) {
    // A client may return results for ever; a model without tools comes to an end.
    const bool is_last = total >= max_total_steps_;
    if (is_last) withdraw_tools(x.chat());
    Step step(x.chat(), offer, out);
    if (Status status = next(x, step); !status) return status;
    if (Status status = step.finish(host_, x, approvals_, allowance); !status) return status;
    if (is_last || steps == max_steps_ || !step.calls_for_another()) return Status();
    step.append_to(x.chat().edit("messages"));
    release_choice(x.chat());
  }
}

/// Tools act on this machine and with the operator's credentials, so a caller has to be
/// authenticated: a claimed tenant alone does not count.
bool Mcp::serves(const Exchange& x) const {
  const Caller caller = x.caller();
  if (anyone_ || !caller.user.empty() || !caller.key.empty()) return true;
  if (!servers_.empty())
    x.notes().edit("mcp").set("no tools offered: the caller is not authenticated");
  return false;
}

Mcp::Mcp(Host host, Json config)
    : host_(host),
      max_steps_(config["max_steps"].integer()),
      max_total_steps_(config["max_total_steps"].integer()),
      max_calls_(static_cast<std::size_t>(config["max_calls"].integer())),
      max_result_(config["max_result"].bytes()),
      max_results_(config["max_results"].bytes()),
      anyone_(config["anyone"].boolean(!host.is_exposed())),
      approvals_(host, config["approvals"]) {
  admin_route<&Mcp::describe>(host, this, "GET", "/servers", "Show MCP servers and their tools");
  std::size_t index = 0;
  for (const Json server : config["servers"])
    add_server(server, "/servers/" + std::to_string(index++));
  for (const auto& server : servers_) background<&Server::watch>(host, server.get());
}

void Mcp::add_server(Json config, const std::string& pointer) {
  const View name = config["name"].str();
  if (std::any_of(servers_.begin(), servers_.end(),
                  [&](const auto& s) { return s->name() == name; })) {
    host_.problem(pointer + "/name", "another server has the same name");
  }
  if (!config["command"] == !config["url"])
    return host_.problem(pointer, "needs either a command or a url");
  const auto make_transport = [&](Transport::Respond respond) -> std::unique_ptr<Transport> {
    if (config["command"])
      return std::make_unique<StdioTransport>(host_, config, pointer, std::move(respond));
    return std::make_unique<HttpTransport>(host_, config, pointer, std::move(respond));
  };
  servers_.push_back(std::make_unique<Server>(host_, config, make_transport, [this] { report(); }));
  background<&Server::run>(host_, servers_.back().get());
}

void Mcp::adopt(Mcp& older) {
  approvals_.adopt(older.approvals_);
  for (const auto& server : servers_) {
    for (const auto& old : older.servers_) {
      if (old->name() == server->name()) server->adopt(*old);
    }
  }
}

std::string Mcp::save() {
  const Document state;
  state.root().edit("version").set(1);
  approvals_.save(state.root().edit("approvals"));
  for (const auto& server : servers_) server->save(state.root().edit("tools").edit(server->name()));
  return state.root().dump();
}

bool Mcp::restore(View saved) {
  auto state = Document::parse(saved);
  if (!state || state->root()["version"].integer() != 1) return false;
  approvals_.restore(state->root()["approvals"]);
  for (const auto& server : servers_) server->restore(state->root()["tools"][server->name()]);
  return true;
}

/// On the thread of the server whose condition has changed.
void Mcp::report() {
  const std::lock_guard lock(health_mutex_);
  std::string down;
  for (const auto& server : servers_) {
    const Server::Condition condition = server->condition();
    if (condition.health == GH_UP) continue;
    if (!down.empty()) down.append(" ");
    down.append("server ").append(server->name()).append(": ").append(condition.reason);
  }
  host_.health(down.empty() ? GH_UP : GH_DEGRADED, down);
}

Status Mcp::describe(Exchange& x, Sink& out) {
  const Document document;
  MutableJson list = document.root();
  list.set_array();
  for (const auto& server : servers_) {
    server->settle(x);
    server->describe(list.push());
  }
  return x.reply(out, 200, "application/json", document.root().dump());
}

namespace {

/// How often the model has been called since the last message of the user.
std::int64_t steps_so_far(Json messages) {
  std::int64_t steps = 0;
  for (const Json message : messages) {
    const View role = message["role"].str();
    if (role == "user") steps = 0;
    if (role == "assistant") ++steps;
  }
  return steps;
}

void withdraw_tools(MutableJson chat) {
  chat.edit("tools").set_array();
  if (!chat["tool_choice"]) return;  // which may require a call
  MutableJson choice = chat.edit("tool_choice");
  choice.set_object();
  choice.edit("mode").set("none");
}

/// A model that must call a tool in each step comes to no end: it has done so in the first.
void release_choice(MutableJson chat) {
  if (chat["tool_choice"]["mode"].str() != "required") return;
  MutableJson choice = chat.edit("tool_choice");
  choice.set_object();
  choice.edit("mode").set("auto");
}

}  // namespace
}  // namespace gatehouse::plugins::mcp

GATEHOUSE_PLUGIN(gatehouse::plugins::mcp::Mcp, "mcp", "1.0.0",
                 "Offers the tools of MCP servers to the model and runs its calls",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT | GH_PLUGIN_UNLOADS)
