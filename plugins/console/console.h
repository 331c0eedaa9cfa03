#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "content.h"
#include "gatehouse/plugin.hpp"
#include "history.h"
#include "requests.h"

namespace gatehouse::plugins::console {

/// A web page for the operator, on the admin address: its files, and what only this plugin knows of
/// what it shows, which is the last requests and the last hour. The page gets the rest from the
/// gateway itself and from the admin routes of other plugins.
class Console final : public Plugin {
 public:
  Console(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  /// Remembers a request that the server rejected, which no handle() sees.
  void refused(Exchange& x);
  void adopt(Console& older) { memory_ = older.memory_; }

 private:
  /// What outlives a reload.
  struct Memory {
    Requests requests;
    History history;
    std::atomic<std::int64_t> watched_until_ns{0};  // on the clock of Host::now()
  };
  void look();
  bool is_watched() const;
  void remember(Exchange& x, std::chrono::nanoseconds took, const Outcome& outcome,
                const Failure& failure);
  /// Directly below the ingress plugin, only if the configuration allows content.
  Status chat(Exchange& x, Sink& out, Next& next);

  Status show_file(Exchange& x, Sink& out);
  Status show_requests(Exchange& x, Sink& out);
  Status show_history(Exchange& x, Sink& out);
  Status show_metrics(Exchange& x, Sink& out);
  Status stream_requests(Exchange& x, Sink& out);

  const Host host_;
  const GatewayStatus status_;
  const bool with_content_;
  Responses responses_;
  // Replaced before the first request.
  std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();
};

}  // namespace gatehouse::plugins::console
