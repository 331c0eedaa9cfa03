#pragma once

#include <atomic>
#include <mutex>

#include "tools.h"
#include "transport.h"

namespace gatehouse::plugins::mcp {

/// What is said with an MCP server (https://modelcontextprotocol.io, revisions 2024-11-05 to
/// 2026-07-28), whatever carries it. Any thread.
class Session {
 public:
  /// As the server describes itself.
  struct About {
    std::string name, version, protocol;
    bool has_tools = false, is_stateless = false;
  };

  /// `changed` is called when the server says that its tools have changed.
  Session(Host host, Json config, Transport& transport, std::function<void()> changed);

  /// Finds out what the server speaks, and begins a session where that has sessions. Before it,
  /// nothing else may be asked.
  Status begin(Exchange& x);
  /// All pages of the list of tools.
  Status list(Exchange& x, Tools& tools);
  /// `id` is what cancel() takes. `is_second`: see RpcRequest.
  Result<Response> call(Exchange& x, const Tool& tool, Json arguments, std::int64_t& id,
                        bool is_second = false);
  /// Of a call that nobody waits for any more.
  Status cancel(Exchange& x, std::int64_t id);
  /// See Transport::Answer.
  std::string answer(Json message);

  /// begin() found that a server ends when it is asked what it speaks: it will be asked as before
  /// 2026-07-28 next time.
  bool asks_differently() { return asks_differently_.exchange(false); }
  /// What `older` knew of the server is tried first.
  void adopt(const Session& older) { is_old_ = older.is_old_.load(); }
  About about() const;

 private:
  Status discover(Exchange& x);
  Status initialize(Exchange& x);
  Status subscribe(Exchange& x);
  RpcRequest make(View method, std::string params, bool is_stateless);
  std::string metadata() const;
  Result<std::string> answers_to(Json questions) const;
  std::string answer_to_form(Json schema) const;

  const Host host_;
  Transport& transport_;
  const std::chrono::nanoseconds call_timeout_, patience_;
  const bool takes_defaults_;
  const std::function<void()> changed_;
  std::atomic<std::int64_t> last_id_{0};
  std::atomic<bool> is_old_{false};  // it is known not to speak 2026-07-28
  std::atomic<bool> asks_differently_{false};
  mutable std::mutex mutex_;
  About about_;  // guarded by mutex_
};

}  // namespace gatehouse::plugins::mcp
