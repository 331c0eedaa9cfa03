#include "target.h"

#include <algorithm>
#include <random>

namespace gatehouse::plugins::models {

Target::Target(Host host, Json breaker, View provider, View model, CircuitBreaker::Changed changed)
    : host_(host),
      provider_(provider),
      model_(model),
      breaker_(host, breaker, std::move(changed)),
      rests_until_(host, GH_GAUGE, "gatehouse_target_rests_until_timestamp_seconds",
                   "Unix time until which a target that was rate limited gets no requests.",
                   {{"plugin", host.instance()}, {"provider", provider}, {"model", model}}) {}

std::optional<std::chrono::nanoseconds> Target::rests(bool is_only) {
  const auto until = std::chrono::nanoseconds(rests_until_ns_.load(std::memory_order_relaxed));
  if (!is_only && until.count() > 0 && host_.now() < until) return until - host_.now();
  return breaker_.rejects();
}

void Target::failed(const Exchange& x, const Failure& failure) {
  breaker_.judge(x, failure);
  const bool is_rate_limit = failure.http_status() == 429;
  if (!is_rate_limit || failure.retry_after().count() <= 0) return;
  rests_until_ns_ = (host_.now() + failure.retry_after()).count();
  rests_until_.record(std::chrono::duration<double>(host_.wall() + failure.retry_after()).count());
}

void Target::adopt(Target& older) {
  rests_until_ns_ = older.rests_until_ns_.load();
  breaker_.adopt(older.breaker_);
}

void Target::save(MutableJson to) {
  to.edit("provider").set(View(provider_));
  to.edit("model").set(View(model_));
  to.edit("rests_until_ns").set(rests_until_ns_.load());
  to.edit("breaker").set(View(breaker_.save()));
}

void Target::restore(Json saved) {
  rests_until_ns_ = saved["rests_until_ns"].integer();
  (void)breaker_.restore(saved["breaker"].str());
}

Target& Targets::get(Json breaker, View provider, View model) {
  auto& target = all_[{std::string(provider), std::string(model)}];
  if (target) return *target;
  const std::string text = std::string(provider) + '/' + std::string(model);
  const Series is_open(host_, GH_GAUGE, "gatehouse_target_circuit_open",
                       "1 while the circuit of a target is open: its requests go to the next one.",
                       {{"plugin", host_.instance()}, {"provider", provider}, {"model", model}});
  target = std::make_unique<Target>(host_, breaker, provider, model,
                                    [this, text, is_open](std::int64_t failures) {
                                      is_open.record(failures > 0);
                                      changed(text, failures);
                                    });
  return *target;
}

void Targets::adopt(Targets& older) {
  for (const auto& [key, target] : all_) {
    const auto found = older.all_.find(key);
    if (found != older.all_.end()) target->adopt(*found->second);
  }
}

std::string Targets::save() {
  const Document state;
  state.root().edit("version").set(1);
  for (const auto& [key, target] : all_) target->save(state.root().edit("targets").push());
  return state.root().dump();
}

bool Targets::restore(View saved) {
  auto state = Document::parse(saved);
  if (!state || state->root()["version"].integer() != 1) return false;
  for (const Json entry : state->root()["targets"]) {
    const auto found =
        all_.find({std::string(entry["provider"].str()), std::string(entry["model"].str())});
    if (found != all_.end()) found->second->restore(entry);
  }
  return true;
}

void Targets::changed(const std::string& target, std::int64_t failures) {
  const std::lock_guard lock(mutex_);
  if (failures > 0) {
    open_[target] = failures;
  } else {
    open_.erase(target);
  }
  std::string reason;
  for (const auto& [name, count] : open_) {
    reason += (reason.empty() ? "circuit open: " : ", ") + name + " after " +
              std::to_string(count) + " failures in a row";
  }
  host_.health(open_.empty() ? GH_UP : GH_DEGRADED, reason);
}

namespace {

/// The index of one of them, with a probability in proportion to its weight.
std::size_t draw(const std::vector<Choice>& choices, std::int64_t sum) {
  static thread_local std::minstd_rand random(std::random_device{}());
  std::int64_t at = std::uniform_int_distribution<std::int64_t>(0, sum - 1)(random);
  std::size_t i = 0;
  for (; at >= choices[i].weight; ++i) at -= choices[i].weight;
  return i;
}

}  // namespace

std::vector<Target*> in_order(const std::vector<Choice>& choices, const Target* first) {
  std::vector<Choice> left = choices;
  std::vector<Target*> order;
  const auto take = [&](std::size_t i) {
    order.push_back(left[i].target);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
  };
  for (std::size_t i = 0; first && i < left.size(); ++i) {
    if (left[i].target == first) {
      take(i);
      break;
    }
  }
  for (;;) {
    std::int64_t sum = 0;
    for (const Choice& choice : left) sum += choice.weight;
    if (sum == 0) break;
    take(draw(left, sum));
  }
  while (!left.empty()) take(0);
  return order;
}

}  // namespace gatehouse::plugins::models
