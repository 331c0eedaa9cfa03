#include "server.h"

#include <algorithm>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kFirstPause = 1s, kLongestPause = 30s;  // between attempts to connect
constexpr std::chrono::nanoseconds kStable = 30s;  // a server that stayed so long may be lost without being the worse for it

}  // namespace

Server::Server(Host host, Json config, const MakeTransport& make_transport, std::function<void()> changed)
    : host_(host),
      name_(config["name"].str()),
      offers_to_all_(config["location"].str() == "backend"),
      connect_timeout_(config["connect_timeout"].duration(10s)),
      call_timeout_(config["call_timeout"].duration(60s)),
      filter_(config["tools"]),
      approval_(config["approval"]),
      crypto_(host),
      transport_(make_transport([this](Json message) { return session_.answer(message); })),
      changed_(std::move(changed)),
      session_(host, *transport_),
      seconds_(host.series(GH_SECONDS, "gatehouse_mcp_call_seconds", "Duration of tool calls.", {{"server", name_}})),
      tool_changes_(
          host.series(GH_COUNTER, "gatehouse_mcp_tool_changes_total", "Tools that are no longer what they were.", {{"server", name_}})) {
  for (const char* result : {"ok", "error", "timeout", "cancelled"}) {
    calls_[result] = host.series(GH_COUNTER, "gatehouse_mcp_calls_total", "Tool calls.", {{"server", name_}, {"result", result}});
  }
}

void Server::run(Exchange& x) {
  Transport::Open open = [this](Exchange& opening) {
    const Status status = this->open(opening);
    if (status) return;
    set_down(status);
    transport_->drop();
  };
  for (auto pause = kFirstPause;;) {
    const auto began = host_.now();
    const Status lost = transport_->keep(x, open);
    if (!x.cancelled()) return transport_->close(x);
    if (lost.fail() && lost.fail()->code == kSessionExpired) {  // it is well, and may just have been started again
      set_busy(true);
      continue;
    }
    if (!lost) set_down(lost);
    transport_->close(x);

    const Condition now = condition();
    Document fields;
    fields.root().edit("server").set(View(name_));
    fields.root().edit("reason").set(View(now.reason));
    fields.root().edit("detail").set(View(now.detail));
    pause = host_.now() - began > kStable ? kFirstPause : pause;
    fields.root().edit("next_attempt_ms").set(std::int64_t{pause / 1ms});
    host_.log(pause == kFirstPause ? GH_WARN : GH_DEBUG, nullptr, "a tool server is down", fields.root());
    if (!host_.sleep(x, pause)) return;
    pause = std::min(pause * 2, kLongestPause);
  }
}

/// By whoever has set busy_, or is the first.
Status Server::open(Exchange& x) {
  if (Status status = session_.initialize(x); !status) return status;
  if (Status status = list(x); !status) return status;
  {
    const std::lock_guard lock(mutex_);
    ++openings_;
  }
  set({GH_UP, {}, {}});
  return Status();
}

/// The session that was the `seen`-th is no more. One of those who notice begins another, the others wait for it.
Status Server::reopen(Exchange& x, std::uint64_t seen) {
  {
    std::unique_lock lock(mutex_);
    if (!settle(x, lock)) return unavailable("The tool server is being connected.");
    if (condition_.health != GH_UP) return unavailable("The tool server is not available: " + condition_.reason);
    if (openings_ != seen) return Status();
    busy_ = true;
  }
  Status status = open(x);
  if (status) return status;
  if (!x.cancelled()) {  // that is the caller's end, which says nothing about the server: the next call tries again
    set_busy(false);
  } else {
    set_down(status);
    transport_->drop();
  }
  return status;
}

Status Server::list(Exchange& x) {
  const auto tools = std::make_shared<Tools>(name_, filter_, crypto_);
  if (Status status = session_.list(x, *tools); !status) return status;
  watch_changes(*tools);
  const std::lock_guard lock(mutex_);
  tools_ = tools;
  return Status();
}

/// After busy_ has been set. What was offered before stays offered if the server does not answer.
void Server::list_again(Exchange& x) {
  auto work = [this](Exchange& task) { (void)list(task); };
  Task task(host_, x, host_.now() + connect_timeout_, work);
  (void)task.join(x);
  set_busy(false);
}

/// Descriptions and schemas go into prompts: one that has changed since the operator chose the server may be an attack.
void Server::watch_changes(const Tools& tools) {
  const std::lock_guard lock(mutex_);
  for (const Tool& tool : tools.offered()) {
    const auto [known, is_new] = known_.try_emplace(tool.own_name, tool.digest);
    if (is_new || known->second == tool.digest) continue;
    known->second = tool.digest;
    tool_changes_.record();
    Document fields;
    fields.root().edit("server").set(View(name_));
    fields.root().edit("tool").set(View(tool.own_name));
    fields.root().edit("sha256").set(View(hex(tool.digest)));
    host_.warn("a tool is no longer what it was", fields.root());
  }
}

void Server::adopt(Server& older) {
  const std::scoped_lock lock(mutex_, older.mutex_);
  known_ = older.known_;
}

std::shared_ptr<const Tools> Server::tools(Exchange& x) {
  std::unique_lock lock(mutex_);
  if (!settle(x, lock) || condition_.health != GH_UP) return nullptr;
  if (session_.list_changed()) {
    busy_ = true;
    lock.unlock();
    list_again(x);
    lock.lock();
  }
  return tools_;
}

Result<Response> Server::call(Exchange& x, const Tool& tool, Json arguments, std::int64_t& id) {
  std::uint64_t seen;
  {
    const std::lock_guard lock(mutex_);
    seen = openings_;
    if (condition_.health != GH_UP && !busy_) return unavailable("The tool server is not available: " + condition_.reason);
  }
  auto response = session_.call(x, tool.own_name, arguments, id);
  if (!response) {
    Status status = response.error();
    const std::string code = status.fail() ? status.fail()->code : std::string();
    if (code == kUnreachable) {
      set_down(status);
      transport_->drop();
    }
    if (code != kSessionExpired) return status;
    if (Status reopened = reopen(x, seen); !reopened) return reopened;
    response = session_.call(x, tool.own_name, arguments, id);
    if (!response) return response.error();
  }
  const Json result = response->result();
  if (tool.promises_structure && !result["structuredContent"] && !result["isError"].boolean()) {
    return Fail{502, "mcp_error", "The tool gave a result without the structured content that it promises.", {}};
  }
  return response;
}

void Server::count(View result, std::chrono::nanoseconds took) const {
  calls_.find(result)->second.record();
  seconds_.record(std::chrono::duration<double>(took).count());
}

Server::Condition Server::condition() const {
  const std::lock_guard lock(mutex_);
  return condition_;
}

void Server::settle(Exchange& x) {
  std::unique_lock lock(mutex_);
  (void)settle(x, lock);
}

/// False: not in time. Unlocks while it waits.
bool Server::settle(Exchange& x, std::unique_lock<std::mutex>& lock) {
  if (!busy_) return true;
  const Waker waker(host_);
  if (!waker) return false;
  waiting_.push_back(&waker);
  for (const auto until = host_.now() + connect_timeout_; busy_;) {
    lock.unlock();
    auto woken = waker.wait(x, until - host_.now());
    lock.lock();
    if (!woken || !*woken) break;
  }
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &waker));
  return !busy_;
}

void Server::set_busy(bool busy) {
  const std::lock_guard lock(mutex_);
  busy_ = busy;
  for (const Waker* const waker : waiting_) waker->wake();
}

void Server::set(Condition condition) {
  {
    const std::lock_guard lock(mutex_);
    condition_ = std::move(condition);
  }
  set_busy(false);
  changed_();
}

void Server::set_down(const Status& why) {
  const Fail* const fail = why.fail();
  if (!fail) return set({GH_DOWN, "It did not answer in time.", {}});
  if (fail->code == "mcp_error") return set({GH_DOWN, "It refuses the gateway.", fail->message});  // whose words are for the operator only
  set({GH_DOWN, fail->message, fail->detail});
}

void Server::describe(MutableJson into) const {
  const Session::About about = session_.about();
  const std::lock_guard lock(mutex_);
  into.edit("name").set(View(name_));
  into.edit("state").set(condition_.health == GH_UP ? "up" : "down");
  if (!condition_.reason.empty()) into.edit("reason").set(View(condition_.reason));
  if (!condition_.detail.empty()) into.edit("detail").set(View(condition_.detail));
  if (!about.protocol.empty()) {
    MutableJson server = into.edit("server");
    server.edit("name").set(View(about.name));
    server.edit("version").set(View(about.version));
    into.edit("protocol").set(View(about.protocol));
  }
  MutableJson tools = into.edit("tools");
  tools.set_array();
  if (!tools_) return;
  for (const Tool& tool : tools_->offered()) {
    MutableJson told = tools.push();
    told.edit("name").set(View(tool.own_name));
    told.edit("offered_as").set(View(tool.name));
    if (needs_approval(tool)) told.edit("needs_approval").set(true);
    told.edit("sha256").set(View(hex(tool.digest)));
  }
  for (const Tools::LeftOut& tool : tools_->left_out()) {
    MutableJson told = tools.push();
    told.edit("name").set(View(tool.own_name));
    told.edit("left_out").set(tool.why);
  }
}

}  // namespace gatehouse
