#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "account.h"
#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/every.hpp"
#include "meter.h"
#include "recent.h"

namespace gatehouse::plugins::budget {

/// Limits requests, tokens and money of callers and models in windows of the calendar. The store
/// counts, so that gateways with the same store share the limits.
class Budget final : public Plugin {
 public:
  Budget(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  enum class OnStoreFailure { kCount, kOpen, kClosed };
  /// Where a request is counted.
  enum class Where { kStore, kHere, kNowhere };
  struct Reservation {
    std::vector<Account> accounts;
    std::string model;
    std::int64_t input_tokens = 0;
    Amounts amounts{};
    Where where = Where::kStore;

    /// The account has less left than the request may need.
    bool is_full(const Account& account) const {
      return account.used + amounts[account.unit] > account.most;
    }
  };

  static OnStoreFailure parse_on_store_failure(View word);
  Series decisions(View decision) const;

  Result<std::vector<Account>> accounts_of(const Exchange& x) const;
  Amounts estimate(Json chat, View model, std::int64_t input_tokens) const;
  Result<Reservation> reserve(Exchange& x);
  Result<bool> take(Exchange& x, Reservation& reservation);
  Status without_store(Reservation& reservation);
  Fail rejection(Exchange& x, const Reservation& reservation) const;
  void settle(Exchange& x, Reservation& reservation, const Amounts& spent);
  Result<bool> add(Exchange& x, Where where, std::vector<Account>& accounts, const Amounts& amounts,
                   bool is_limited) const;
  void remember(Exchange& x, const std::vector<Account>& accounts);
  bool is_first_warning(Exchange& x, const Account& account) const;

  std::optional<Price> price_of(View model) const;
  void learn_price(const Reservation& reservation, const Meter& meter, std::int64_t micro_usd);
  Status show_limits(Exchange& x, Sink& out);

  const Host host_;
  const Store store_;
  const Counters counters_;
  const std::int64_t output_tokens_;
  const OnStoreFailure on_store_failure_;
  const Series allowed_, rejected_, store_failure_, soft_limits_, estimated_;
  std::vector<Limit> limits_;
  RecentAccounts recent_;
  Every warn_of_store_, warn_of_price_;
  mutable std::mutex mutex_;
  // Of the models that have responded, by the names that clients request; guarded by mutex_.
  std::map<std::string, Price, std::less<>> prices_;
};

}  // namespace gatehouse::plugins::budget
