#pragma once

#include <atomic>
#include <mutex>

#include "tools.h"
#include "transport.h"

namespace gatehouse::plugins::mcp {

/// The conversation with an MCP server (https://modelcontextprotocol.io, revisions 2024-11-05 to
/// 2026-07-28), whatever transport carries it. Any thread.
class Session {
 public:
  /// As the server describes itself.
  struct About {
    std::string name, version, protocol;
    bool has_tools = false, is_stateless = false;
  };

  /// `changed` is called when the server reports that its tools have changed.
  Session(Host host, Json config, Transport& transport, std::function<void()> changed);

  /// Finds out which revision the server speaks, and starts a session where that has sessions.
  /// Comes before all other requests.
  Status begin(Exchange& x);
  /// Adds all pages of the list of tools.
  Status list(Exchange& x, Tools& tools);
  /// `id` is what cancel() takes. `is_second`: see RpcRequest.
  Result<Response> call(Exchange& x, const Tool& tool, Json arguments, std::int64_t& id,
                        bool is_second = false);
  /// Cancels a call whose result is no longer awaited.
  Status cancel(Exchange& x, std::int64_t id);
  /// See Transport::Respond.
  std::string respond(Json message);

  /// Whether begin() found that the server ends when it gets server/discover: the next connection
  /// begins with initialize.
  bool must_reconnect() { return must_reconnect_.exchange(false); }
  /// The revision that `older` has found out is tried first.
  void adopt(const Session& older) { is_old_ = older.is_old_.load(); }
  About about() const;

 private:
  Status discover(Exchange& x);
  Status initialize(Exchange& x);
  RpcRequest make(View method, Document params, bool is_stateless);
  void add_client(MutableJson meta) const;
  void describe_client(MutableJson info, MutableJson capabilities) const;
  void set_about(View protocol, Json server, Json tools);
  RpcRequest make_call(const Tool& tool, Json arguments, Json replies, bool is_stateless);
  Status add_replies(MutableJson params, Json result) const;
  void fill_in(MutableJson reply, Json schema) const;

  const Host host_;
  Transport& transport_;
  const std::chrono::nanoseconds call_timeout_, patience_;
  const bool accepts_defaults_;
  const std::function<void()> changed_;
  std::atomic<std::int64_t> last_id_{0};
  std::atomic<bool> is_old_{false};  // it is known not to speak 2026-07-28
  std::atomic<bool> must_reconnect_{false};
  mutable std::mutex mutex_;
  About about_;  // guarded by mutex_
};

}  // namespace gatehouse::plugins::mcp
