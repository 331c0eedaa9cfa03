#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/circuit_breaker.hpp"

namespace gatehouse::plugins::models {

/// A model of one provider's instance, and whether it can take requests now. Any thread.
class Target {
 public:
  Target(Host host, Json breaker, View provider, View model, CircuitBreaker::Changed changed);

  const std::string& provider() const { return provider_; }
  const std::string& model() const { return model_; }  ///< May have a `*`.
  /// "openai/gpt-4.1"
  std::string text() const { return provider_ + '/' + model_; }

  /// How long it takes no requests, by its circuit or its Retry-After; nothing: this one may pass.
  /// `is_only`: there is no other target, so its provider enforces its limit itself, and the client
  /// gets that failure rather than one of ours.
  std::optional<std::chrono::nanoseconds> rests(bool is_only);
  void responded() { breaker_.responded(); }
  void failed(const Exchange& x, const Failure& failure);
  void adopt(Target& older);
  /// The same with other code.
  void save(MutableJson to);
  void restore(Json saved);

 private:
  const Host host_;
  const std::string provider_, model_;
  CircuitBreaker breaker_;
  std::atomic<std::int64_t> rests_until_ns_{0};  // on the clock of Host::now()
  const Series rests_until_;
};

/// A target of one name.
struct Choice {
  Target* target;
  std::int64_t weight;  ///< 0: none.
};

/// All targets, once each, and the health that follows from their circuits.
class Targets {
 public:
  explicit Targets(Host host) : host_(host) {}

  /// [constructor only] `breaker`: the settings of its circuit breaker.
  Target& get(Json breaker, View provider, View model);
  /// On a reload: targets that both have keep their state.
  void adopt(Targets& older);
  /// The same with other code: as JSON, whose `version` is that of the format.
  std::string save();
  bool restore(View saved);

 private:
  void changed(const std::string& target, std::int64_t failures);

  const Host host_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Target>> all_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> open_;  // failures of targets; guarded by mutex_
};

/// The order in which one request tries them: drawn by weight, then those without one. `first`, if
/// it is one of them, comes before all others.
std::vector<Target*> in_order(const std::vector<Choice>& choices, const Target* first);

}  // namespace gatehouse::plugins::models
