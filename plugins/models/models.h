#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/token_counts.hpp"
#include "names.h"
#include "prices.h"
#include "target.h"

namespace gatehouse::plugins::models {

/// Decides which provider's instance responds to a chat and as which model, tries the next one when
/// it fails, and counts tokens and cost.
class Models final : public Plugin {
 public:
  Models(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  void adopt(Models& older) { targets_.adopt(older.targets_); }
  std::string save() { return targets_.save(); }
  bool restore(View saved) { return targets_.restore(saved); }

 private:
  Status try_in_order(Exchange& x, const Name& name, View asked, Sink& out, Next& next);
  Status try_one(Exchange& x, Target& target, const std::string& model, Sink& out, Next& next,
                 bool& is_final);
  void log_fallback(const Exchange& x, const Failure& failure, const Target& to) const;
  void count(const Exchange& x, View provider, View model, const TokenCounts& tokens);
  void count_for(View caller, const TokenCounts& tokens) const;
  void warn_of_missing_price(View model);
  std::shared_ptr<const Prices> prices() const;
  void watch_prices(Exchange& x);
  Fail unknown(View model) const;
  Status list(Exchange& x, Sink& out);
  Status describe(Exchange& x, Sink& out);

  const Host host_;
  const std::string default_, prices_file_;
  Targets targets_;
  const Names names_;
  std::uint64_t stamp_ = 0;  // of prices_file_; in the background
  mutable std::mutex mutex_;
  std::shared_ptr<const Prices> prices_;  // guarded by mutex_
  std::set<std::string> without_price_;   // models that were warned of; guarded by mutex_
};

}  // namespace gatehouse::plugins::models
