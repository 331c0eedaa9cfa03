#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/every.hpp"
#include "gatehouse/toolkit/limit_use.hpp"
#include "gatehouse/toolkit/recent.hpp"
#include "policy.h"
#include "running.h"

namespace gatehouse::plugins::throttler {

/// Limits the rate of each client's requests, and how many of them run at once. The store counts
/// requests, so that gateways with the same store share one count; running requests are counted
/// here.
class Throttler final : public Plugin {
 public:
  Throttler(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  /// Requests that run in the older instance still count.
  void adopt(Throttler& older) {
    running_ = older.running_;
    recent_ = older.recent_;
  }

 private:
  enum class OnStoreFailure { kCount, kOpen, kClosed };
  enum class Decision { kAllowed, kRejected, kUncounted };

  static OnStoreFailure parse_on_store_failure(View word);
  void add_policy(Json config, const std::string& pointer);
  Series decisions(View decision) const;

  std::vector<std::string> keys_of(const Exchange& x) const;
  Status enter(const Exchange& x, const std::vector<std::string>& keys,
               std::vector<Running::Place>& places) const;
  std::vector<Quota> quotas_of(const std::vector<std::string>& keys) const;
  Result<Decision> decide(Exchange& x, std::vector<Quota>& quotas);
  void report_store_failure();
  std::string state_of(const std::vector<Quota>& quotas) const;
  Fail rejection(const std::vector<Quota>& quotas) const;
  void remember(const Exchange& x, const std::vector<Quota>& quotas) const;
  void remember_crowd(const Exchange& x, const Policy& policy, const std::string& key) const;
  void keep(const std::string& key, LimitUse now, std::chrono::nanoseconds wall) const;
  LimitUse use_of(const Exchange& x, const Policy& policy) const;
  Status show_limits(Exchange& x, Sink& out);

  const Host host_;
  const Store store_;
  const Crypto crypto_;
  const OnStoreFailure on_store_failure_;
  const Series allowed_, rejected_, store_failure_;
  std::vector<Policy> policies_;
  std::string policy_header_;
  std::shared_ptr<Running> running_ = std::make_shared<Running>();
  // Of callers that have used at least half of a limit, or were rejected, by key.
  std::shared_ptr<Recent<LimitUse>> recent_ = std::make_shared<Recent<LimitUse>>(1000);
  Every warn_;
};

}  // namespace gatehouse::plugins::throttler
