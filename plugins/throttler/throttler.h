#pragma once

#include <atomic>

#include "gatehouse/plugin.hpp"
#include "running.h"

namespace gatehouse::plugins::throttler {

/// Lets each client make so many requests in any span of time, and run so many at once. The store
/// counts the requests, so that gateways with the same store share one count; those that run are
/// counted here.
class Throttler final : public Plugin {
 public:
  Throttler(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  /// What runs in the older instance still counts.
  void adopt(Throttler& older) { running_ = older.running_; }

 private:
  struct Policy {
    std::string name;
    std::int64_t limit;
    std::chrono::seconds window;
    std::string key;
    std::string header;       // of key header:NAME
    std::int64_t concurrent;  // 0: any number
  };
  void add_policy(Json config, const std::string& pointer);
  Series decisions(View decision) const;

  std::string key_of(Exchange& x, const Policy& policy) const;
  Status refusal(const std::vector<Quota>& quotas) const;
  void note_store_failure();

  const Host host_;
  const Store store_;
  const Crypto crypto_;
  enum class OnStoreFailure { kCount, kOpen, kClosed } const on_store_failure_;
  const Series allowed_, refused_, store_failure_;
  std::vector<Policy> policies_;
  std::string policy_header_;
  std::shared_ptr<Running> running_ = std::make_shared<Running>();
  std::atomic<std::chrono::nanoseconds> next_warning_{std::chrono::nanoseconds(0)};
};

}  // namespace gatehouse::plugins::throttler
