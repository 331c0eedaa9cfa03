/// Threads: run(), in the background, keeps one connection after another; watch(), in the
/// background too, lists the tools again when they have changed; calls and chats come on threads of
/// requests. `opening_` means that one of them opens a session: run() with a new connection, or a
/// call or list whose session the server has forgotten (reopen()). The others wait in settle().
#include "server.h"

#include <algorithm>

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// Between attempts to connect.
constexpr nanoseconds kFirstPause = 1s, kLongestPause = 30s;
// A connection that lasted so long was good: after its loss the pauses start from the first.
constexpr nanoseconds kStable = 30s;
// To connect: the time doubles, as an installer that is killed each time would never finish.
constexpr nanoseconds kLongestTime = 10min;
// A chat waits so long for a server that is being connected, and for a new list of tools from when
// the change was reported; then it continues without them.
constexpr nanoseconds kPatience = 10s, kPatienceForList = 2s;
constexpr nanoseconds kListTime = 10s, kUntilListedAgain = 30s;
constexpr nanoseconds kBetweenLists = 1s;  // some servers report a change with each list
constexpr nanoseconds kUntilWoken = 1h;    // any length: after it the state is checked
constexpr int kSuspectTimeouts = 3;        // one or two may be the fault of the tool
constexpr std::size_t kMaxKnown = 10'000;  // tools, for a server that keeps inventing new ones

}  // namespace

Server::Server(Host host, Json config, const MakeTransport& make_transport,
               std::function<void()> changed)
    : host_(host),
      name_(config["name"].str()),
      offers_to_all_(config["location"].str() == "backend"),
      connect_timeout_(connect_timeout_of(config)),
      call_timeout_(config["call_timeout"].duration()),
      max_call_time_(std::max<nanoseconds>(call_timeout_, config["max_call_time"].duration())),
      filter_(config["tools"]),
      approval_(config["approval"]),
      crypto_(host),
      transport_(make_transport([this](Json message) { return session_.respond(message); })),
      changed_(std::move(changed)),
      session_(host, config, *transport_, [this] { tools_changed(); }),
      seconds_(host, GH_SECONDS, "gatehouse_mcp_call_seconds", "Duration of MCP tool calls.",
               {{"server", name_}}),
      tool_changes_(host, GH_COUNTER, "gatehouse_mcp_tool_changes_total",
                    "Tools whose definition has changed since it was first seen.",
                    {{"server", name_}}),
      watcher_(host) {
  for (const char* result : {"ok", "error", "timeout", "cancelled"}) {
    calls_[result] = Series(host, GH_COUNTER, "gatehouse_mcp_calls_total",
                            "MCP tool calls by result.", {{"server", name_}, {"result", result}});
  }
}

void Server::run(Exchange& x) {
  bool timed_out = false, again = false;
  Transport::Opening opening;
  opening.begin = [&](Exchange& task) {
    Status status = open(task);
    if (status) return status;
    timed_out = !status.failure();
    again = session_.must_reconnect();
    if (!again) set_down(status);
    transport_->drop();
    return status;
  };
  opening.done = [this] { set({GH_UP, {}, {}}); };
  nanoseconds time = connect_timeout_, pause = kFirstPause;
  for (;;) {
    const auto began = host_.now();
    timed_out = again = false;
    const Status lost = transport_->keep(x, time, opening);
    if (!x.cancelled()) return transport_->close(x);
    if (lost.failure().code() == kSessionExpired) {  // the server is up, perhaps after a restart
      set_opening(true);
      continue;
    }
    if (!lost && !again) set_down(lost);
    transport_->close(x);
    if (again) continue;
    time =
        timed_out ? std::max(connect_timeout_, std::min(time * 2, kLongestTime)) : connect_timeout_;
    if (host_.now() - began > std::max(kStable, time)) pause = kFirstPause;
    log_down(pause);
    if (!host_.sleep(x, pause)) return;
    pause = std::min(pause * 2, kLongestPause);
  }
}

void Server::log_down(nanoseconds pause) const {
  const Condition now = condition();
  const Document fields;
  fields.root().edit("server").set(View(name_));
  fields.root().edit("reason").set(View(now.reason));
  fields.root().edit("detail").set(View(now.detail));
  fields.root().edit("next_attempt_ms").set(std::int64_t{pause / 1ms});
  const int level = pause == kFirstPause ? GH_WARN : GH_DEBUG;
  host_.log(level, nullptr, "MCP server is down", fields.root());
}

/// Called by the thread that has set opening_, and for a new connection.
Status Server::open(Exchange& x) {
  if (Status status = session_.begin(x); !status) return status;
  if (Status status = list(x); !status) return status;
  const std::lock_guard lock(mutex_);
  ++openings_;
  timeouts_ = 0;
  return Status();
}

/// The session number `seen` is lost. The first thread that notices opens another one, the others
/// wait for it.
Status Server::reopen(Exchange& x, std::uint64_t seen) {
  {
    std::unique_lock lock(mutex_);
    if (!settle(x, lock, connect_timeout_))
      return unavailable("The tool server is being connected.");
    if (condition_.health != GH_UP)
      return unavailable("The tool server is not available: " + condition_.reason);
    if (openings_ != seen) return Status();
    opening_ = true;
  }
  Status status = open(x);
  if (status) {
    set({GH_UP, {}, {}});
  } else if (!x.cancelled()) {  // the request has ended, which says nothing about the server
    set_opening(false);
  } else {
    set_down(status);
    transport_->drop();
  }
  return status;
}

/// If it fails, the tools that were offered before stay offered.
Status Server::list(Exchange& x) {
  std::uint64_t seen;
  {
    const std::lock_guard lock(mutex_);
    seen = changes_;
  }
  const auto tools = std::make_shared<Tools>(name_, filter_, crypto_);
  Status status = session_.list(x, *tools);
  if (status) compare(*tools);
  const std::lock_guard lock(mutex_);
  if (status) tools_ = tools;
  listed_ = seen;
  wake_waiting();
  return status;
}

void Server::watch(Exchange& x) {
  for (auto time = kUntilWoken;;) {
    const auto woken = watcher_.wait(x, time);
    if (!woken) return;
    bool wanted;
    {
      const std::lock_guard lock(mutex_);
      const bool is_suspect = timeouts_ >= kSuspectTimeouts;
      wanted = condition_.health == GH_UP && !opening_ &&
               (is_stale() || is_suspect || time != kUntilWoken);
    }
    time = !wanted || list_again(x) ? kUntilWoken : kUntilListedAgain;
    if (wanted && !host_.sleep(x, kBetweenLists)) return;
  }
}

/// False: it responds, but without a list.
bool Server::list_again(Exchange& x) {
  std::uint64_t seen;
  {
    const std::lock_guard lock(mutex_);
    seen = openings_;
    timeouts_ = 0;
  }
  Status status;
  auto work = [&](Exchange& task) {
    status = list(task);
    if (status.failure().code() == kSessionExpired) status = reopen(task, seen);
  };
  Task task(host_, x, host_.now() + std::min(connect_timeout_, kListTime), work);
  if (!task || !task.join(x)) return false;
  if (status || status.failure()) return bool(status);
  set({GH_DOWN, "It has stopped responding.", {}});
  transport_->drop();
  return true;
}

/// On the thread that has received the notification.
void Server::tools_changed() {
  {
    const std::lock_guard lock(mutex_);
    if (!is_stale()) stale_since_ = host_.now();
    ++changes_;
  }
  watcher_.wake();
}

/// Definitions go into prompts: one that has changed since the operator chose the server may be an
/// attack.
void Server::compare(const Tools& tools) {
  const std::lock_guard lock(mutex_);
  for (const Tool& tool : tools.offered()) {
    if (known_.size() == kMaxKnown && !known_.count(tool.own_name)) continue;
    const std::string digest = hex(tool.digest);
    const auto [known, is_new] = known_.try_emplace(tool.own_name, digest);
    if (is_new || known->second == digest) continue;
    known->second = digest;
    tool_changes_.record();
    const Document fields;
    fields.root().edit("server").set(View(name_));
    fields.root().edit("tool").set(View(tool.own_name));
    fields.root().edit("sha256").set(View(digest));
    host_.warn("tool definition changed since first seen", fields.root());
  }
}

void Server::adopt(Server& older) {
  const std::scoped_lock lock(mutex_, older.mutex_);
  known_ = older.known_;
  session_.adopt(older.session_);
}

void Server::save(MutableJson into) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [tool, digest] : known_) {
    MutableJson entry = into.push();
    entry.push().set(View(tool));
    entry.push().set(View(digest));
  }
}

void Server::restore(Json saved) {
  const std::lock_guard lock(mutex_);
  for (const Json entry : saved) known_.emplace(entry.at(0).str(), entry.at(1).str());
}

std::shared_ptr<const Tools> Server::tools(Exchange& x) {
  std::unique_lock lock(mutex_);
  if (!settle(x, lock, std::min(connect_timeout_, kPatience)) || condition_.health != GH_UP)
    return nullptr;
  return tools_;
}

Result<Response> Server::call(Exchange& x, const Tool& tool, Json arguments, std::int64_t& id) {
  std::uint64_t seen;
  {
    const std::lock_guard lock(mutex_);
    seen = openings_;
    if (condition_.health != GH_UP && !opening_)
      return unavailable("The tool server is not available: " + condition_.reason);
  }
  auto response = session_.call(x, tool, arguments, id);
  if (!response) {
    Status status = response.error();
    if (status.failure().code() == kUnreachable) {
      set_down(status);
      transport_->drop();
    }
    if (status.failure().code() != kSessionExpired) return status;
    if (Status reopened = reopen(x, seen); !reopened) return reopened;
    response = session_.call(x, tool, arguments, id, true);
    if (!response) return response.error();
  }
  const Json result = response->result();
  if (!tool.has_output_schema || result["structuredContent"] || result["isError"].boolean())
    return response;
  return Fail{
      502, "mcp_error", "The tool returned no structured content, which its schema requires.", {}};
}

void Server::count(View result, nanoseconds took) {
  calls_.find(result)->second.record();
  seconds_.record(std::chrono::duration<double>(took).count());
  if (result == "cancelled") return;
  const std::lock_guard lock(mutex_);
  timeouts_ = result == "timeout" ? timeouts_ + 1 : 0;
  if (timeouts_ >= kSuspectTimeouts) watcher_.wake();
}

Server::Condition Server::condition() const {
  const std::lock_guard lock(mutex_);
  return condition_;
}

void Server::settle(Exchange& x) {
  std::unique_lock lock(mutex_);
  (void)settle(x, lock, connect_timeout_);
}

/// Waits, without the lock, until the condition is known and the list is up to date. False: the
/// condition is still unknown.
bool Server::settle(Exchange& x, std::unique_lock<std::mutex>& lock, nanoseconds time) {
  if (!opening_ && !is_stale()) return true;
  const Waker waker(host_);
  if (!waker) return !opening_;
  waiting_.push_back(&waker);
  const auto began = host_.now();
  while (opening_ || is_stale()) {
    const auto until = opening_ ? began + time : stale_since_ + kPatienceForList;
    lock.unlock();
    auto woken = waker.wait(x, until - host_.now());
    lock.lock();
    if (!woken || !*woken) break;
  }
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &waker));
  return !opening_;
}

void Server::wake_waiting() const {
  for (const Waker* const waker : waiting_) waker->wake();
}

void Server::set_opening(bool opening) {
  const std::lock_guard lock(mutex_);
  opening_ = opening;
  wake_waiting();
}

void Server::set(Condition condition) {
  {
    const std::lock_guard lock(mutex_);
    condition_ = std::move(condition);
    if (condition_.health != GH_UP) listed_ = changes_;  // the next connection lists them
    opening_ = false;
    wake_waiting();
  }
  watcher_.wake();
  changed_();
}

void Server::set_down(const Status& why) {
  const Failure fail = why.failure();
  if (!fail) return set({GH_DOWN, "It did not respond in time.", {}});
  // The text of a server's error is for the operator only.
  if (fail.code() == "mcp_error")
    return set({GH_DOWN, "It rejects the gateway.", std::string(fail.message())});
  set({GH_DOWN, std::string(fail.message()), std::string(fail.detail())});
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
  if (tools_) describe_tools(tools);
}

/// With the lock held.
void Server::describe_tools(MutableJson tools) const {
  for (const Tool& tool : tools_->offered()) {
    MutableJson entry = tools.push();
    entry.edit("name").set(View(tool.own_name));
    entry.edit("offered_as").set(View(tool.name));
    if (needs_approval(tool)) entry.edit("needs_approval").set(true);
    entry.edit("input_schema").set(tool.definition.root()["input_schema"]);
    entry.edit("sha256").set(View(hex(tool.digest)));
  }
  for (const Tools::LeftOut& tool : tools_->left_out()) {
    MutableJson entry = tools.push();
    entry.edit("name").set(View(tool.own_name));
    entry.edit("left_out").set(tool.why);
  }
}

}  // namespace gatehouse::plugins::mcp
