#include "throttler.h"

#include <arpa/inet.h>

#include <algorithm>

#include "schema.h"

namespace gatehouse::plugins::throttler {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr View kHeaderKey = "header:";
constexpr auto kWarningInterval = std::chrono::minutes(1);

/// Rounded up: who asks again after so many whole seconds is not too early.
std::int64_t whole_seconds(std::int64_t ns) {
  return std::chrono::ceil<seconds>(nanoseconds(ns)).count();
}

/// `"default";r=99;t=60`: how many requests are left, and the seconds until there are more
/// (draft-ietf-httpapi-ratelimit-headers).
void append_state(std::string& out, View name, const gh_quota& quota) {
  out.append(out.empty() ? "\"" : ", \"")
      .append(name)
      .append("\";r=")
      .append(std::to_string(std::max<std::int64_t>(quota.remaining, 0)));
  out.append(";t=").append(std::to_string(whole_seconds(quota.reset_ns)));
}

/// Appends what one client cannot change: of an IPv6 address the first 64 bits (RFC 8981: hosts
/// choose new lower ones as they like), else all of it.
void append_network(std::string& out, View address) {
  char terminated[INET6_ADDRSTRLEN] = {};  // for inet_pton
  char bytes[16];
  if (address.size() < sizeof terminated) address.copy(terminated, address.size());
  if (inet_pton(AF_INET6, terminated, bytes) == 1) address = View(bytes, 8);
  out.append(address);
}

/// A header to which each throttler of a pipeline appends. Until this ends, its text is in the
/// notes.
class SharedHeader {
 public:
  SharedHeader(Exchange& x, View name) : x_(x), name_(name), above_(x.notes()[name].str()) {}
  SharedHeader(const SharedHeader&) = delete;
  SharedHeader& operator=(const SharedHeader&) = delete;
  ~SharedHeader() {
    MutableJson notes = x_.notes();
    if (above_.empty())
      notes.erase(notes[name_]);
    else
      notes.edit(name_).set(View(above_));
  }
  void add(View text) {
    const std::string all = above_ + (above_.empty() ? "" : ", ") + std::string(text);
    x_.notes().edit(name_).set(View(all));
    x_.set_header(name_, all);
  }

 private:
  Exchange& x_;
  const View name_;
  const std::string above_;
};

}  // namespace

Throttler::Throttler(Host host, Json config)
    : host_(host),
      store_(host),
      crypto_(host),
      on_store_failure_(config["on_store_failure"].str() == "open"     ? OnStoreFailure::kOpen
                        : config["on_store_failure"].str() == "closed" ? OnStoreFailure::kClosed
                                                                       : OnStoreFailure::kCount),
      allowed_(decisions("allowed")),
      refused_(decisions("refused")),
      store_failure_(decisions("store_failure")) {
  const Json policies = config["policies"];
  if (!policies) add_policy(config, "");
  std::size_t index = 0;
  for (const Json policy : policies) add_policy(policy, "/policies/" + std::to_string(index++));
}

Series Throttler::decisions(View decision) const {
  return Series(host_, GH_COUNTER, "gatehouse_throttle_decisions_total",
                "Requests that were counted against the limits.",
                {{"plugin", host_.instance()}, {"decision", decision}});
}

void Throttler::add_policy(Json config, const std::string& pointer) {
  const auto window = config["window"].duration(std::chrono::minutes(1));
  Policy policy{std::string(config["name"].str("default")),
                config["limit"].integer(100),
                std::chrono::duration_cast<seconds>(window),
                std::string(config["key"].str("client")),
                {},
                config["concurrent"].integer(0)};
  if (policy.window != window || window < seconds(1) || window > std::chrono::hours(24)) {
    host_.problem(pointer + "/window", "must be whole seconds, from 1s to 24h");
  }
  if (policy.limit > store_.max_limit()) {
    host_.problem(pointer + "/limit",
                  "`limit` is more than the store can count, " +
                      std::to_string(store_.max_limit()) +
                      ": lower it, or raise store.max_size to 256 bytes for each");
  }
  if (std::any_of(policies_.begin(), policies_.end(),
                  [&](const Policy& p) { return p.name == policy.name; })) {
    host_.problem(pointer + "/name", "another policy has this name");
  }
  if (policy.key.compare(0, kHeaderKey.size(), kHeaderKey) == 0)
    policy.header = policy.key.substr(kHeaderKey.size());

  policy_header_.append(policies_.empty() ? "\"" : ", \"").append(policy.name);
  policy_header_.append("\";q=")
      .append(std::to_string(policy.limit))
      .append(";w=")
      .append(std::to_string(policy.window.count()));
  policies_.push_back(std::move(policy));
}

Status Throttler::handle(Exchange& x, Sink& out, Next& next) {
  std::vector<std::string> keys;
  std::vector<Quota> quotas;
  std::vector<Running::Place> places;
  keys.reserve(policies_.size());  // quotas point into them
  quotas.reserve(policies_.size());
  SharedHeader policy_header(x, "RateLimit-Policy"), state_header(x, "RateLimit");
  policy_header.add(policy_header_);
  for (const Policy& policy : policies_) {
    const std::string& key = keys.emplace_back(key_of(x, policy));
    quotas.emplace_back(key, policy.limit, policy.window);
    if (policy.concurrent == 0) continue;
    if (!places.emplace_back(running_->enter(key, policy.concurrent))) {
      refused_.record();
      std::string message = "Too many requests at once: at most " +
                            std::to_string(policy.concurrent) + ". Try again when one has ended.";
      return Fail{429, "too_many_running", std::move(message), {}, seconds(1)};
    }
  }

  auto taken = store_.take(x, quotas);
  if (!taken && taken.error().code() == GH_UNAVAILABLE) {
    note_store_failure();
    if (on_store_failure_ == OnStoreFailure::kOpen) return next(x, out);
    if (on_store_failure_ == OnStoreFailure::kClosed) {
      return Fail{503, "store_unavailable",
                  "Requests cannot be counted just now. Try again in a moment.",
                  "the store does not answer", seconds(1)};
    }
    taken = store_.take_here(x, quotas);
  }
  if (!taken) return taken.error();
  std::string states;
  for (std::size_t i = 0; i < quotas.size(); ++i)
    append_state(states, policies_[i].name, quotas[i]);
  state_header.add(states);
  if (!*taken) {
    refused_.record();
    return refusal(quotas);
  }
  allowed_.record();
  return next(x, out);
}

std::string Throttler::key_of(Exchange& x, const Policy& policy) const {
  std::string key = policy.name;
  if (!policy.header.empty()) {
    const View value = x.header(policy.header);
    if (!value.empty())
      return key.append(":h:").append(
          hex(crypto_.sha256({value})));  // bounded, and no secret in the store
  }
  const View install =
      policy.key == "client" || policy.key == "install" ? x.notes()["install"].str() : View();
  if (!install.empty()) return key.append(":i:").append(install);
  const View extension = policy.key == "extension" ? x.notes()["extension_id"].str() : View();
  if (!extension.empty()) return key.append(":e:").append(extension);

  append_network(key.append(":a:"), x.client());
  return key;
}

Status Throttler::refusal(const std::vector<Quota>& quotas) const {
  // All of them must let the next request pass, so the longest wait counts.
  const auto worst =
      std::max_element(quotas.begin(), quotas.end(), [](const gh_quota& a, const gh_quota& b) {
        return std::pair(a.remaining < 0, a.reset_ns) < std::pair(b.remaining < 0, b.reset_ns);
      });
  const Policy& policy = policies_[static_cast<std::size_t>(worst - quotas.begin())];
  std::string message = "Too many requests: at most " + std::to_string(policy.limit) + " in " +
                        std::to_string(policy.window.count()) + " s. Try again in " +
                        std::to_string(whole_seconds(worst->reset_ns)) + " s.";
  return Fail{429, "rate_limited", std::move(message), {}, nanoseconds(worst->reset_ns)};
}

void Throttler::note_store_failure() {
  constexpr View kWarnings[] = {
      "the store does not answer: requests are counted by this gateway alone",
      "the store does not answer: requests pass uncounted",
      "the store does not answer: requests are refused"};
  store_failure_.record();
  const nanoseconds now = host_.now();
  nanoseconds due = next_warning_;
  if (now >= due && next_warning_.compare_exchange_strong(due, now + kWarningInterval))
    host_.warn(kWarnings[static_cast<std::size_t>(on_store_failure_)]);
}

}  // namespace gatehouse::plugins::throttler

GATEHOUSE_PLUGIN(gatehouse::plugins::throttler::Throttler, "throttler", "1.0.0",
                 "How many requests a client may make", GATEHOUSE_SCHEMA, GH_PLUGIN_GUARD)
