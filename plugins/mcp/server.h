#pragma once

#include <map>
#include <mutex>

#include "session.h"

namespace gatehouse::plugins::mcp {

/// One MCP server: connected in the background from when the gateway starts, and again whenever it
/// is lost. Any thread, unless marked.
class Server {
 public:
  /// How it is, and in two lengths why: a sentence for anyone, and the rest for the operator.
  struct Condition {
    int health = GH_DOWN;  // GH_UP or GH_DOWN
    std::string reason = "It is being connected.", detail;
  };
  using MakeTransport = std::function<std::unique_ptr<Transport>(Transport::Answer)>;

  /// `changed` is called on some thread whenever its condition has.
  Server(Host host, Json config, const MakeTransport& make_transport,
         std::function<void()> changed);

  /// [background] Keeps it connected.
  void run(Exchange& x);
  /// [background] Lists its tools again when they have changed, and finds out whether it still
  /// answers.
  void watch(Exchange& x);
  /// [control] Remembers what the server spoke, and what its tools were, before a reload.
  void adopt(Server& older);

  const std::string& name() const { return name_; }
  /// Its tools are offered to all chats, announced or not.
  bool offers_to_all() const { return offers_to_all_; }
  /// The tool runs only after the user has allowed the call.
  bool needs_approval(const Tool& tool) const { return approval_.match(tool.own_name); }

  /// What it offers now; null: nothing, as it is down. Waits only while it is being connected or
  /// has said that the list changed, and not for long.
  std::shared_ptr<const Tools> tools(Exchange& x);
  /// `x` is that of the call's own task. A failure is for the model to read. `id` is what cancel()
  /// takes.
  Result<Response> call(Exchange& x, const Tool& tool, Json arguments, std::int64_t& id);
  void cancel(Exchange& x, std::int64_t id) { (void)session_.cancel(x, id); }
  void count(View result, std::chrono::nanoseconds took);

  /// How long nothing need be heard of a call, and how long it may take with progress.
  std::chrono::nanoseconds call_timeout() const { return call_timeout_; }
  std::chrono::nanoseconds max_call_time() const { return max_call_time_; }
  Condition condition() const;
  /// Waits until it is known how the server is.
  void settle(Exchange& x);
  /// For the operator.
  void describe(MutableJson into) const;

 private:
  Status open(Exchange& x);
  Status reopen(Exchange& x, std::uint64_t seen);
  Status list(Exchange& x);
  bool list_again(Exchange& x);
  void watch_changes(const Tools& tools);
  void tools_changed();
  bool settle(Exchange& x, std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds time);
  void set(Condition condition);
  void set_opening(bool opening);
  void set_down(const Status& why);
  // With the lock held:
  bool is_stale() const { return listed_ != changes_; }
  void wake_waiting() const;

  const Host host_;
  const std::string name_;
  const bool offers_to_all_;
  const std::chrono::nanoseconds connect_timeout_, call_timeout_, max_call_time_;
  const ToolFilter filter_;
  const Patterns approval_;
  const Crypto crypto_;
  const std::unique_ptr<Transport> transport_;
  const std::function<void()> changed_;
  Session session_;
  std::map<std::string, Series, std::less<>> calls_;  // by result
  const Series seconds_, tool_changes_;
  const Waker watcher_;

  mutable std::mutex mutex_;  // guards the rest
  Condition condition_;
  bool opening_ = true;  // somebody finds out how the server is, and will tell those who wait
  std::uint64_t openings_ = 0;  // sessions so far
  std::shared_ptr<const Tools> tools_;
  std::uint64_t changes_ = 0,
                listed_ =
                    0;  // of its tools, and how many there had been when they were listed last
  std::chrono::nanoseconds stale_since_{0};
  int timeouts_ = 0;  // of calls, one after another
  std::map<std::string, Digest>
      known_;  // what each tool was when it was first seen, by its own name
  std::vector<const Waker*> waiting_;
};

}  // namespace gatehouse::plugins::mcp
