// Each unit of each limit that applies to a request is an account: a counter of the store, whose
// key has the window, so that a new window begins at 0 and nothing has to be reset. A request adds
// an estimate to all its accounts in one step, or to none when one would end above its limit. When
// it has ended, the difference to what it has used is added or given back. So what was used and
// what is reserved never exceed a limit but by what running requests use beyond their estimates,
// and a gateway that dies leaves no more than its reservations.
//
// The price of a model is known only while it is called, as a member of the chat document. That of
// the last response is kept for the estimates of the next requests.
#include "budget.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "schema.h"

namespace gatehouse::plugins::budget {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// By which the clocks of gateways may differ: the counter of a window stays as long after its end.
constexpr seconds kClockSkew(60);
constexpr std::int64_t kHighest = 1'000'000'000'000'000;  // amount of one addition
// Of x.notes(): what the request has cost so far.
constexpr View kCost = "cost_usd";

nanoseconds time_to_live(const Account& account, nanoseconds wall) {
  return account.ends + kClockSkew - wall;
}

}  // namespace

Status Budget::handle(Exchange& x, Sink& out, Next& next) {
  if (x.chat()["count_only"].boolean()) return next(x, out);  // no model is called
  auto reservation = reserve(x);
  if (!reservation) return reservation.error();
  if (reservation->accounts.empty()) return next(x, out);

  Meter meter(x, out, reservation->input_tokens);
  const double usd_before = x.notes()[kCost].real();
  Status status = next(x, meter);
  meter.end(status);
  const double usd = x.notes()[kCost].real() - usd_before;
  const std::int64_t cost = micro_usd(usd) + meter.estimated_micro_usd();
  learn_price(*reservation, meter, cost);
  if (meter.has_estimated()) estimated_.record();
  const bool is_free = status.failure() && !meter.has_produced();
  settle(x, *reservation, {is_free ? 0 : 1, meter.tokens(), cost});
  return status;
}

// ---- Before the response -----------------------------------------------------------------------

/// Nothing is reserved in what has no accounts.
Result<Budget::Reservation> Budget::reserve(Exchange& x) {
  auto accounts = accounts_of(x);
  if (!accounts) return accounts.error();
  const Json chat = x.chat();
  Reservation r{std::move(*accounts), std::string(chat["model"].str())};
  if (r.accounts.empty()) return r;

  r.input_tokens = estimate_input(chat);
  r.amounts = estimate(chat, r.model, r.input_tokens);
  auto taken = take(x, r);
  if (!taken) return taken.error();
  (*taken ? allowed_ : rejected_).record();
  if (r.where == Where::kNowhere) return r;
  set_headers(x, r.accounts, host_.wall());
  remember(x, r.accounts);
  if (*taken) return r;
  for (const Account& account : r.accounts) {
    if (r.is_full(account)) recent_.refuse(account, r.amounts[account.unit]);
  }
  return rejection(x, r);
}

Result<std::vector<Account>> Budget::accounts_of(const Exchange& x) const {
  std::vector<Account> accounts;
  const Caller caller = x.caller();
  const View model = x.chat()["model"].str();
  const nanoseconds wall = host_.wall();
  for (const Limit& limit : limits_) {
    if (limit.applies_to(caller, model))
      add_accounts(accounts, limit, caller, end_of_window(limit.per, wall));
  }
  for (const Json own : x.chat()["limits"]) {
    const Limit limit(own);
    const seconds ends = end_of_window(limit.per, wall);
    if (ends == seconds(0)) {
      return Fail{500, "invalid_limits", "The request could not be processed.",
                  "a limit of the chat document has no `per` of minute, day or month"};
    }
    if (limit.applies_to(caller, model)) add_accounts(accounts, limit, caller, ends);
  }
  return accounts;
}

Amounts Budget::estimate(Json chat, View model, std::int64_t input_tokens) const {
  constexpr std::int64_t kMost = 1'000'000'000'000;  // far beyond any model
  const std::int64_t output_tokens =
      std::clamp<std::int64_t>(chat["max_output_tokens"].integer(output_tokens_), 0, kMost);
  const Price price = price_of(model).value_or(Price());
  return {1, input_tokens + output_tokens, price.micro_usd(input_tokens, output_tokens)};
}

/// False: an account would end above its limit.
Result<bool> Budget::take(Exchange& x, Reservation& r) {
  auto added = add(x, Where::kStore, r.accounts, r.amounts, true);
  if (added) return *added;
  Status error = added.error();
  if (error.code() != GH_UNAVAILABLE) return error;
  Status status = without_store(r);
  if (!status) return status;
  if (r.where == Where::kNowhere) return true;
  return add(x, r.where, r.accounts, r.amounts, true);
}

Status Budget::without_store(Reservation& r) {
  constexpr View kWarnings[] = {
      "the store is unavailable: budgets are counted by this gateway alone",
      "the store is unavailable: requests pass without being counted",
      "the store is unavailable: requests are rejected"};
  store_failure_.record();
  if (warn_of_store_.due(host_.now()))
    host_.warn(kWarnings[static_cast<std::size_t>(on_store_failure_)]);
  if (on_store_failure_ == OnStoreFailure::kClosed) {
    return Fail{503, "store_unavailable",
                "Budgets cannot be checked at present; try again in a moment.",
                "the store is unavailable", seconds(1)};
  }
  r.where = on_store_failure_ == OnStoreFailure::kOpen ? Where::kNowhere : Where::kHere;
  return Status();
}

/// By the account that is full for the longest time.
Fail Budget::rejection(Exchange& x, const Reservation& r) const {
  const auto is_sooner = [&](const Account& a, const Account& b) {
    return std::pair(r.is_full(a), a.ends) < std::pair(r.is_full(b), b.ends);
  };
  const Account& full = *std::max_element(r.accounts.begin(), r.accounts.end(), is_sooner);
  const std::int64_t needed = r.amounts[full.unit];
  const nanoseconds wait = full.ends - host_.wall();
  // The SDKs of OpenAI and Anthropic retry a 429 by themselves unless this header forbids it.
  if (wait > seconds(60) || needed > full.most) x.set_header("x-should-retry", "false");
  if (needed > full.most) {
    return {429,
            "budget_exceeded",
            "The request may need " + text_of(full.unit, needed) + ", more than " + full.text() +
                ": shorten it, or lower its maximum of output tokens.",
            {}};
  }
  const std::string wait_s = std::to_string(std::chrono::ceil<seconds>(wait).count());
  return {429,
          "budget_exceeded",
          "The request exceeds " + full.text() + ": " + number_of(full.unit, full.used) +
              " are used or reserved, and it may need " + number_of(full.unit, needed) +
              ". The limit resets in " + wait_s + " s.",
          {},
          wait};
}

// ---- After the response ------------------------------------------------------------------------

/// Replaces what was reserved by what was spent.
void Budget::settle(Exchange& x, Reservation& r, const Amounts& spent) {
  if (r.where == Where::kNowhere) return;
  Amounts difference = spent;
  for (std::size_t unit = 0; unit < difference.size(); ++unit) difference[unit] -= r.amounts[unit];
  auto added = add(x, r.where, r.accounts, difference, false);
  // The store then keeps the reservation until the end of the window.
  if (!added && r.where == Where::kStore)
    added = add(x, Where::kHere, r.accounts, difference, false);
  if (added) remember(x, r.accounts);
}

/// Adds to all accounts, whose `used` becomes what the store has; or, if they are limited, to none:
/// false.
Result<bool> Budget::add(Exchange& x, Where where, std::vector<Account>& accounts,
                         const Amounts& amounts, bool is_limited) const {
  constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  const nanoseconds wall = host_.wall();
  std::vector<Addition> additions;
  for (const Account& account : accounts) {
    // What a request has used after the end of its window still belongs to that window.
    const nanoseconds ttl = std::max<nanoseconds>(time_to_live(account, wall), seconds(1));
    additions.emplace_back(account.key, std::clamp(amounts[account.unit], -kHighest, kHighest), ttl,
                           is_limited ? account.most : kNoLimit);
  }
  auto added =
      where == Where::kStore ? counters_.add(x, additions) : counters_.add_here(x, additions);
  for (std::size_t i = 0; added && i < accounts.size(); ++i) accounts[i].used = additions[i].total;
  return added;
}

/// Keeps the state of the accounts for the operator, and warns of soft limits once in a window.
void Budget::remember(Exchange& x, const std::vector<Account>& accounts) {
  for (const Account& account : accounts) {
    if (!recent_.update(account) || !is_first_warning(x, account)) continue;
    soft_limits_.record();
    const Document fields;
    MutableJson root = fields.root();
    root.edit("for").set(View(account.of));
    if (!account.name.empty()) root.edit("name").set(View(account.name));
    if (!account.model.empty()) root.edit("of_model").set(View(account.model));
    root.edit("limit").set(View(text_of(account.unit, account.most) + " per " + account.per));
    root.edit("used").set(View(number_of(account.unit, account.used)));
    host_.log(GH_WARN, &x, "a soft limit is reached", root);
  }
}

/// Whether no other gateway with the same store has warned of the account. True: nobody knows.
bool Budget::is_first_warning(Exchange& x, const Account& account) const {
  auto warnings = store_.add(x, account.key + "\nwarnings", 1, time_to_live(account, host_.wall()));
  return !warnings || *warnings == 1;
}

// ---- Prices ------------------------------------------------------------------------------------

std::optional<Price> Budget::price_of(View model) const {
  const std::lock_guard lock(mutex_);
  const auto found = prices_.find(model);
  if (found == prices_.end()) return std::nullopt;
  return found->second;
}

void Budget::learn_price(const Reservation& r, const Meter& meter, std::int64_t cost) {
  constexpr std::size_t kMost = 1000;  // names of models; clients choose what a `*` stands for
  const bool counts_money = std::any_of(r.accounts.begin(), r.accounts.end(),
                                        [](const Account& a) { return a.unit == kUsd; });
  if (!counts_money) return;
  if (const auto& price = meter.price()) {
    const std::lock_guard lock(mutex_);
    if (prices_.size() < kMost || prices_.count(r.model)) prices_[r.model] = *price;
  } else if (meter.tokens() > 0 && cost == 0 && warn_of_price_.due(host_.now())) {
    host_.warn("limits in US dollars do not count responses of a model without a price");
  }
}

// ---- The instance ------------------------------------------------------------------------------

Status Budget::show_limits(Exchange& x, Sink& out) {
  return x.reply(out, 200, "application/json", recent_.json(host_.wall()));
}

Budget::Budget(Host host, Json config)
    : host_(host),
      store_(host),
      counters_(host),
      output_tokens_(config["output_tokens"].integer()),
      on_store_failure_(parse_on_store_failure(config["on_store_failure"].str())),
      allowed_(decisions("allowed")),
      rejected_(decisions("refused")),
      store_failure_(decisions("store_failure")),
      soft_limits_(host, GH_COUNTER, "gatehouse_budget_soft_limits_total",
                   "Soft limits that were reached.", {{"plugin", host.instance()}}),
      estimated_(host, GH_COUNTER, "gatehouse_budget_estimated_total",
                 "Responses whose tokens were estimated, as no provider reported them.",
                 {{"plugin", host.instance()}}) {
  for (const Json limit : config["limits"]) {
    const std::string place = "/limits/" + std::to_string(limits_.size());
    limits_.emplace_back(limit);
    if (limits_.back().most == Amounts{})
      host.problem(place, "limits nothing: set `requests`, `tokens` or `usd`");
    if (limits_.back().of == "everyone" && limit["match"])
      host.problem(place + "/match", "has no meaning for everyone: remove it, or change `for`");
  }
  admin_route<&Budget::show_limits>(host, this, "GET", "/limits",
                                    "Show the limits that requests of this gateway have used most");
}

Budget::OnStoreFailure Budget::parse_on_store_failure(View word) {
  if (word == "open") return OnStoreFailure::kOpen;
  return word == "closed" ? OnStoreFailure::kClosed : OnStoreFailure::kCount;
}

Series Budget::decisions(View decision) const {
  return Series(host_, GH_COUNTER, "gatehouse_budget_decisions_total",
                "Decisions on requests with a limit, and requests during which the store was "
                "unavailable.",
                {{"plugin", host_.instance()}, {"decision", decision}});
}

}  // namespace gatehouse::plugins::budget

GATEHOUSE_PLUGIN(gatehouse::plugins::budget::Budget, "budget", "1.0.0",
                 "Limits requests, tokens and money of callers and models", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_UNLOADS)
