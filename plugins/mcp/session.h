#pragma once

#include <atomic>
#include <mutex>

#include "tools.h"
#include "transport.h"

namespace gatehouse {

/// What is said with an MCP server (https://modelcontextprotocol.io, revisions 2024-11-05 to 2025-11-25), whatever carries it. Any thread.
class Session {
 public:
  /// As the server describes itself.
  struct About {
    std::string name, version, protocol;
    bool has_tools = false;
  };

  Session(Host host, Transport& transport) : host_(host), transport_(transport) {}

  /// Begins a session. Before it, nothing else may be asked.
  Status initialize(Exchange& x);
  /// All pages of the list of tools.
  Status list(Exchange& x, Tools& tools);
  /// `id` is what cancel() takes.
  Result<Response> call(Exchange& x, View tool, Json arguments, std::int64_t& id);
  /// Of a call that nobody waits for any more.
  Status cancel(Exchange& x, std::int64_t id);
  /// See Transport::Answer.
  std::string answer(Json message);

  bool list_changed() const { return list_changed_; }
  About about() const;

 private:
  const Host host_;
  Transport& transport_;
  std::atomic<std::int64_t> last_id_{0};
  std::atomic<bool> list_changed_{false};
  mutable std::mutex mutex_;
  About about_;  // guarded by mutex_
};

}  // namespace gatehouse
