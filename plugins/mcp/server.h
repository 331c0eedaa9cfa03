#pragma once

#include <map>
#include <mutex>

#include "session.h"

namespace gatehouse::plugins::mcp {

/// One MCP server, connected in the background from the gateway's start on, and again whenever the
/// connection is lost. Any thread, unless marked.
class Server {
 public:
  struct Condition {
    int health = GH_DOWN;                           // GH_UP or GH_DOWN
    std::string reason = "It is being connected.";  // a sentence for everybody
    std::string detail;                             // for the operator only
  };
  using MakeTransport = std::function<std::unique_ptr<Transport>(Transport::Respond)>;

  /// `changed` is called on any thread after the condition has changed.
  Server(Host host, Json config, const MakeTransport& make_transport,
         std::function<void()> changed);

  /// [background] Keeps it connected.
  void run(Exchange& x);
  /// [background] Lists its tools again when they have changed, and checks whether it still
  /// responds.
  void watch(Exchange& x);
  /// [control] Takes over what was known before a reload: the revision that the server speaks, and
  /// its tools.
  void adopt(Server& older);
  /// [control] The same with other code, but for the revision.
  void save(MutableJson into) const;
  void restore(Json saved);

  const std::string& name() const { return name_; }
  /// Its tools are offered to all chats, announced or not.
  bool offers_to_all() const { return offers_to_all_; }
  /// The tool runs only after the user has allowed the call.
  bool needs_approval(const Tool& tool) const { return approval_.match(tool.own_name); }

  /// The tools that it offers now; null: none, as it is down. Waits, for a short time, only while
  /// it is being connected or has reported that the list has changed.
  std::shared_ptr<const Tools> tools(Exchange& x);
  /// `x` is the exchange of the call's own task. A failure is for the model to read. `id` is what
  /// cancel() takes.
  Result<Response> call(Exchange& x, const Tool& tool, Json arguments, std::int64_t& id);
  void cancel(Exchange& x, std::int64_t id) { (void)session_.cancel(x, id); }
  void count(View result, std::chrono::nanoseconds took);

  /// Longest time of a call without a result or progress, and longest time with progress.
  std::chrono::nanoseconds call_timeout() const { return call_timeout_; }
  std::chrono::nanoseconds max_call_time() const { return max_call_time_; }
  Condition condition() const;
  /// Waits until the condition is known.
  void settle(Exchange& x);
  /// For the operator.
  void describe(MutableJson into) const;

 private:
  Status open(Exchange& x);
  Status reopen(Exchange& x, std::uint64_t seen);
  Status list(Exchange& x);
  bool list_again(Exchange& x);
  void compare(const Tools& tools);
  void tools_changed();
  bool settle(Exchange& x, std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds time);
  void log_down(std::chrono::nanoseconds pause) const;
  void set(Condition condition);
  void set_opening(bool opening);
  void set_down(const Status& why);
  // With the lock held:
  void describe_tools(MutableJson tools) const;
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
  bool opening_ = true;         // some thread is opening a session and will wake waiting_
  std::uint64_t openings_ = 0;  // sessions so far
  std::shared_ptr<const Tools> tools_;
  std::uint64_t changes_ = 0;  // of its tools
  std::uint64_t listed_ = 0;   // value of changes_ when they were listed last
  std::chrono::nanoseconds stale_since_{0};
  int timeouts_ = 0;  // consecutive, of calls
  // The SHA-256 of each tool's definition, in hexadecimal, by the tool's own name.
  std::map<std::string, std::string> known_;
  std::vector<const Waker*> waiting_;
};

}  // namespace gatehouse::plugins::mcp
