#include "account.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gatehouse::plugins::budget {
namespace {

/// The counter does not depend on the limit, so that it goes on when a reload changes the limit.
std::string key_of(const Account& account) {
  std::string key(kUnits[account.unit]);
  for (const std::string& part :
       {account.per, std::to_string(account.ends.count()), account.of, account.model, account.name})
    key.append(1, '\n').append(part);
  return key;
}

std::int64_t soft_of(const Limit& limit, std::int64_t most) {
  if (limit.soft == 0) return std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::ceil(limit.soft * static_cast<double>(most)));
}

/// "1h2m3s", as OpenAI writes a time; at least a second.
std::string time_text(std::chrono::seconds time) {
  const std::int64_t s = std::max<std::int64_t>(time.count(), 1);
  std::string text = std::to_string(s % 60) + "s";
  if (s >= 60) text.insert(0, std::to_string(s / 60 % 60) + "m");
  if (s >= 3600) text.insert(0, std::to_string(s / 3600) + "h");
  return text;
}

void set_unit_headers(Exchange& x, const Account& account, std::chrono::seconds until) {
  const std::string unit(kUnits[account.unit]);
  const std::int64_t left = std::max<std::int64_t>(account.most - account.used, 0);
  x.set_header("x-ratelimit-limit-" + unit, number_of(account.unit, account.most));
  x.set_header("x-ratelimit-remaining-" + unit, number_of(account.unit, left));
  x.set_header("x-ratelimit-reset-" + unit, time_text(until));
}

}  // namespace

std::string Account::text() const {
  std::string text = "the limit of " + text_of(unit, most) + " per " + per;
  if (!model.empty()) text.append(" of the model ").append(model);
  return text.append(of == "everyone" ? " for all callers together" : " for each " + of);
}

void add_accounts(std::vector<Account>& accounts, const Limit& limit, const Caller& caller,
                  std::chrono::seconds ends) {
  for (const Unit unit : {kRequests, kTokens, kUsd}) {
    const std::int64_t most = limit.most[unit];
    if (most == 0) continue;
    Account account{{},          limit.of,  std::string(limit.name_of(caller)),
                    limit.model, limit.per, ends,
                    unit,        most,      soft_of(limit, most)};
    account.key = key_of(account);
    const auto same = std::find_if(accounts.begin(), accounts.end(),
                                   [&](const Account& a) { return a.key == account.key; });
    if (same == accounts.end()) {
      accounts.push_back(std::move(account));
    } else {
      same->most = std::min(same->most, account.most);
      same->soft = std::min(same->soft, account.soft);
    }
  }
}

void set_headers(Exchange& x, const std::vector<Account>& accounts, std::chrono::nanoseconds wall) {
  const auto left = [](const Account& a) { return a.most - a.used; };
  const auto now = std::chrono::floor<std::chrono::seconds>(wall);
  const Account* warned = nullptr;
  for (const Account& account : accounts) {
    const bool is_least = std::all_of(accounts.begin(), accounts.end(), [&](const Account& a) {
      return a.unit != account.unit || left(a) >= left(account);
    });
    if (is_least) set_unit_headers(x, account, account.ends - now);
    if (account.used >= account.soft) warned = &account;
  }
  if (!warned) return;
  const auto percent = static_cast<std::int64_t>(100 * static_cast<double>(warned->used) /
                                                 static_cast<double>(warned->most));
  x.set_header("X-Gatehouse-Budget-Warning",
               std::to_string(percent) + "% of " + warned->text() + " is used");
}

}  // namespace gatehouse::plugins::budget
