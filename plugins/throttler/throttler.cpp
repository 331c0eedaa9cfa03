#include "throttler.h"

#include <algorithm>

#include "schema.h"
#include "shared_header.h"

// A request passes if each policy has a free place for it (`concurrent`), counted in this process,
// and then if the store takes one unit from the quota of each policy, or none from any. Places are
// given back when the response has ended, units when they leave the sliding window.

namespace gatehouse::plugins::throttler {
namespace {

using std::chrono::seconds;

// What a client that has too many running requests is told to wait.
constexpr seconds kUntilOneHasEnded(1);

bool is_sooner(const Quota& a, const Quota& b);

}  // namespace

Status Throttler::handle(Exchange& x, Sink& out, Next& next) {
  SharedHeader policy_header(x, "RateLimit-Policy"), state_header(x, "RateLimit");
  policy_header.add(policy_header_);
  const std::vector<std::string> keys = keys_of(x);
  std::vector<Running::Place> places;  // kept until the response has ended
  if (Status entered = enter(x, keys, places); !entered) return entered;

  std::vector<Quota> quotas = quotas_of(keys);
  auto decision = decide(x, quotas);
  if (!decision) return decision.error();
  if (*decision == Decision::kUncounted) return next(x, out);
  state_header.add(state_of(quotas));
  remember(x, quotas);
  if (*decision == Decision::kRejected) return rejection(quotas);
  return next(x, out);
}

/// Takes a place for the request in each policy that limits how many run at once.
Status Throttler::enter(const Exchange& x, const std::vector<std::string>& keys,
                        std::vector<Running::Place>& places) const {
  for (std::size_t i = 0; i < policies_.size(); ++i) {
    const std::int64_t limit = policies_[i].concurrent;
    if (limit == 0 || places.emplace_back(running_->enter(keys[i], limit))) continue;
    rejected_.record();
    remember_crowd(x, policies_[i], keys[i]);
    return Fail{429,
                "too_many_running",
                "Too many requests at once: at most " + std::to_string(limit) +
                    ". Try again when one has ended.",
                {},
                kUntilOneHasEnded};
  }
  return Status();
}

/// Takes one unit from each quota, or none from any, and fills in what is left.
Result<Throttler::Decision> Throttler::decide(Exchange& x, std::vector<Quota>& quotas) {
  auto taken = store_.take(x, quotas);
  if (!taken) {
    Status error = taken.error();
    if (error.code() != GH_UNAVAILABLE) return error;
    report_store_failure();
    if (on_store_failure_ == OnStoreFailure::kOpen) return Decision::kUncounted;
    if (on_store_failure_ == OnStoreFailure::kClosed) {
      return Fail{503, "store_unavailable",
                  "Requests cannot be counted at present; try again in a moment.",
                  "the store is unavailable", seconds(1)};
    }
    taken = store_.take_here(x, quotas);
    if (!taken) return taken.error();
  }
  (*taken ? allowed_ : rejected_).record();
  return *taken ? Decision::kAllowed : Decision::kRejected;
}

Fail Throttler::rejection(const std::vector<Quota>& quotas) const {
  // All policies must let the next request pass, so the longest wait of those that rejected counts.
  const auto worst = std::max_element(quotas.begin(), quotas.end(), is_sooner);
  const Policy& policy = policies_[static_cast<std::size_t>(worst - quotas.begin())];
  const std::chrono::nanoseconds wait(worst->reset_ns);
  std::string message = "Too many requests: at most " + std::to_string(policy.limit) + " in " +
                        std::to_string(whole_seconds(policy.window)) + " s. Try again in " +
                        std::to_string(whole_seconds(wait)) + " s.";
  return {429, "rate_limited", std::move(message), {}, wait};
}

void Throttler::report_store_failure() {
  constexpr View kWarnings[] = {
      "the store is unavailable: requests are counted by this gateway alone",
      "the store is unavailable: requests pass without being counted",
      "the store is unavailable: requests are rejected"};
  store_failure_.record();
  if (warn_.due(host_.now())) host_.warn(kWarnings[static_cast<std::size_t>(on_store_failure_)]);
}

std::vector<std::string> Throttler::keys_of(const Exchange& x) const {
  std::vector<std::string> keys;
  for (const Policy& policy : policies_) keys.push_back(policy.key_of(policy.counted(x, crypto_)));
  return keys;
}

/// They point into `keys`.
std::vector<Quota> Throttler::quotas_of(const std::vector<std::string>& keys) const {
  std::vector<Quota> quotas;
  for (std::size_t i = 0; i < policies_.size(); ++i)
    quotas.emplace_back(keys[i], policies_[i].limit, policies_[i].window);
  return quotas;
}

/// The value of the header RateLimit.
std::string Throttler::state_of(const std::vector<Quota>& quotas) const {
  std::string out;
  for (std::size_t i = 0; i < quotas.size(); ++i)
    out.append(i == 0 ? "" : ", ").append(policies_[i].state(quotas[i]));
  return out;
}

// ---- For the operator --------------------------------------------------------------------------

/// Keeps what the request has left of its limits, unless that is more than half of them: most
/// requests then take no lock.
void Throttler::remember(const Exchange& x, const std::vector<Quota>& quotas) const {
  const std::chrono::nanoseconds wall = host_.wall();
  for (std::size_t i = 0; i < policies_.size(); ++i) {
    const Quota& quota = quotas[i];
    if (quota.remaining > quota.limit / 2) continue;
    LimitUse now = use_of(x, policies_[i]);
    now.used = static_cast<double>(quota.limit - std::max<std::int64_t>(quota.remaining, 0));
    now.resets_at = wall + policies_[i].window;
    if (quota.remaining < 0) {
      now.refused = 1;
      now.refuses_until = wall + std::chrono::nanoseconds(quota.reset_ns);
    }
    keep(std::string(view(quota.key)), std::move(now), wall);
  }
}

/// Keeps that a caller has too many running requests.
void Throttler::remember_crowd(const Exchange& x, const Policy& policy,
                               const std::string& key) const {
  const std::chrono::nanoseconds wall = host_.wall();
  LimitUse now = use_of(x, policy);
  now.per.clear();
  now.unit = "running requests";
  now.limit = now.used = static_cast<double>(policy.concurrent);
  now.refused = 1;
  now.resets_at = now.refuses_until = wall + kUntilOneHasEnded;
  keep(key + "\nrunning", std::move(now), wall);
}

void Throttler::keep(const std::string& key, LimitUse now, std::chrono::nanoseconds wall) const {
  recent_->update(key, [&](LimitUse& kept) {
    if (wall < kept.resets_at) now.refused += kept.refused;
    kept = std::move(now);
  });
}

/// With nothing used.
LimitUse Throttler::use_of(const Exchange& x, const Policy& policy) const {
  const Policy::Counted counted = policy.counted(x, crypto_);
  LimitUse use;
  use.of = counted.of;
  use.name = counted.name;
  use.per = std::to_string(whole_seconds(policy.window)) + " s";
  use.unit = "requests";
  use.limit = static_cast<double>(policy.limit);
  return use;
}

Status Throttler::show_limits(Exchange& x, Sink& out) {
  return x.reply(out, 200, "application/json", limits_json(recent_->all(), host_.wall()));
}

// ---- The instance ------------------------------------------------------------------------------

Throttler::Throttler(Host host, Json config)
    : host_(host),
      store_(host),
      crypto_(host),
      on_store_failure_(parse_on_store_failure(config["on_store_failure"].str())),
      allowed_(decisions("allowed")),
      rejected_(decisions("refused")),
      store_failure_(decisions("store_failure")) {
  const Json policies = config["policies"];
  if (!policies) add_policy(config, "");
  std::size_t index = 0;
  for (const Json policy : policies) add_policy(policy, "/policies/" + std::to_string(index++));
  admin_route<&Throttler::show_limits>(host, this, "GET", "/limits",
                                       "Show the callers that are near their limits, or above");
}

Throttler::OnStoreFailure Throttler::parse_on_store_failure(View word) {
  if (word == "open") return OnStoreFailure::kOpen;
  return word == "closed" ? OnStoreFailure::kClosed : OnStoreFailure::kCount;
}

void Throttler::add_policy(Json config, const std::string& pointer) {
  const Policy policy(config);
  if (policy.window % seconds(1) != seconds(0))
    host_.problem(pointer + "/window", "must be whole seconds, such as 1s or 5m");
  if (policy.limit > store_.max_limit()) {
    host_.problem(pointer + "/limit", "the store can count at most " +
                                          std::to_string(store_.max_limit()) + ": lower `limit`");
  }
  const auto has_its_name = [&](const Policy& p) { return p.name == policy.name; };
  if (std::any_of(policies_.begin(), policies_.end(), has_its_name))
    host_.problem(pointer + "/name", "another policy has the same name: rename one of them");
  policy_header_.append(policies_.empty() ? "" : ", ").append(policy.declaration());
  policies_.push_back(policy);
}

Series Throttler::decisions(View decision) const {
  return Series(host_, GH_COUNTER, "gatehouse_throttle_decisions_total",
                "Rate limit decisions, and requests during which the store was unavailable.",
                {{"plugin", host_.instance()}, {"decision", decision}});
}

namespace {

/// Whether the policy of `a` lets the next request pass before that of `b`.
bool is_sooner(const Quota& a, const Quota& b) {
  return std::pair(a.remaining < 0, a.reset_ns) < std::pair(b.remaining < 0, b.reset_ns);
}

}  // namespace
}  // namespace gatehouse::plugins::throttler

GATEHOUSE_PLUGIN(gatehouse::plugins::throttler::Throttler, "throttler", "1.0.0",
                 "Limits the rate and the concurrency of each client's requests", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_GUARD | GH_PLUGIN_UNLOADS)
