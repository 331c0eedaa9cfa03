#include <gtest/gtest.h>

#include <limits>
#include <new>

#include "core/host/instance.h"
#include "core/host/tables.h"
#include "gatehouse/text.hpp"
#include "tests/core/request.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {
namespace {

constexpr std::int64_t kMs = 1'000'000, kMinute = 60'000 * kMs, kYear = 366 * 24 * 60 * kMinute;
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min(),
                       kMost = std::numeric_limits<std::int64_t>::max();

const gh_host* created = nullptr;  // the host of the instance that was created last

gh_status create(const gh_host* host, const gh_json*, void**) {
  created = host;
  return GH_OK;
}
void destroy(void*) {}
gh_plugin plain_plugin() {
  gh_plugin p{};
  p.magic = GH_MAGIC;
  p.size = sizeof p;
  p.abi_major = GH_ABI_MAJOR;
  p.name = "plain";
  p.create = create;
  p.destroy = destroy;
  return p;
}
const gh_plugin kPlugin = plain_plugin();

/// The store as two instances see it.
class StoreTableTest : public testing::Test {
 protected:
  Instance make(const std::string& name, Gateway& gateway) {
    const auto problem = [](std::string_view, std::string_view text) { ADD_FAILURE() << text; };
    return Instance(kPlugin, name, "{}", {gateway, {}, nullptr},
                    {routes_, admin_routes_, around_, failure_forms_, models_, problem, problem});
  }

  std::string get(const gh_host* host, std::string_view key) {
    std::string value = "absent";
    const auto keep = [](void* to, gh_str found) { *static_cast<std::string*>(to) = view(found); };
    const gh_status status = api_.get(host, nullptr, raw(key), &value, keep);
    EXPECT_EQ(status, value == "absent" ? GH_ABSENT : GH_OK);
    return value;
  }
  gh_status put(const gh_host* host, std::string_view key, std::string_view value = "x",
                std::int64_t ttl = kMinute) {
    return api_.put(host, nullptr, raw(key), raw(value), ttl);
  }
  gh_status add(std::string_view key, std::int64_t ttl) {
    std::int64_t total;
    return api_.add(host_, nullptr, raw(key), 1, ttl, &total);
  }
  gh_status take(std::vector<gh_quota> quotas) {
    return api_.take(host_, nullptr, quotas.data(), quotas.size());
  }

  LogSettings quiet_{"error", ""};
  Log log_{quiet_};
  Gateway gateway_{log_, StoreSettings{{}, 64 << 20}};
  std::vector<Route> routes_, admin_routes_;
  OfferedModels models_;
  std::vector<Around> around_;
  std::vector<FailureForm> failure_forms_;
  const Instance one_ = make("one", gateway_);
  const gh_host* const host_ = created;
  const Instance other_ = make("other", gateway_);
  const gh_host* const other_host_ = created;
  const gh_store_api& api_ = store_table();
  const gh_counters_api& counters_ = counters_table();
};

TEST_F(StoreTableTest, NothingIsThrownIntoTheFramesOfAPlugin) {
  EXPECT_EQ(put(host_, "a", "1"), GH_OK);
  const auto fail = [](void*, gh_str) { throw std::bad_alloc(); };
  EXPECT_EQ(api_.get(host_, nullptr, raw("a"), nullptr, fail), GH_UNAVAILABLE);
}

TEST_F(StoreTableTest, EachInstanceHasItsOwnKeys) {
  EXPECT_EQ(put(host_, "a", "1"), GH_OK);
  EXPECT_EQ(put(other_host_, "a", "2"), GH_OK);
  EXPECT_EQ(get(host_, "a"), "1");
  EXPECT_EQ(api_.clear(other_host_, nullptr, raw("")), GH_OK);
  EXPECT_EQ(get(host_, "a"), "1");
  EXPECT_EQ(get(other_host_, "a"), "absent");
  EXPECT_EQ(api_.erase(host_, nullptr, raw("a")), GH_OK);
  EXPECT_EQ(get(host_, "a"), "absent");
}

TEST_F(StoreTableTest, TimesAreAMillisecondToAYear) {
  for (const std::int64_t good : {kMs, kYear}) {
    EXPECT_EQ(put(host_, "a", "x", good), GH_OK) << good;
    EXPECT_EQ(add("b", good), GH_OK) << good;
    EXPECT_EQ(take({{raw("c"), 5, good, 1, 0, 0, {}}}), GH_OK) << good;
  }
  for (const std::int64_t bad : {kMs - 1, kYear + 1, std::int64_t{0}, kLeast, kMost}) {
    EXPECT_EQ(put(host_, "a", "x", bad), GH_INVALID) << bad;
    EXPECT_EQ(add("b", bad), GH_INVALID) << bad;
    EXPECT_EQ(take({{raw("c"), 5, bad, 1, 0, 0, {}}}), GH_INVALID) << bad;
  }
}

TEST_F(StoreTableTest, KeysAreAtMostFourKiB) {
  const std::string good(4096, 'k'), bad = good + 'k';
  EXPECT_EQ(put(host_, good), GH_OK);
  EXPECT_EQ(get(host_, good), "x");
  EXPECT_EQ(put(host_, bad), GH_INVALID);
  EXPECT_EQ(add(bad, kMinute), GH_INVALID);
  EXPECT_EQ(take({{raw(bad), 1, kMinute, 1, 0, 0, {}}}), GH_INVALID);
  EXPECT_EQ(api_.get(host_, nullptr, raw(bad), nullptr, nullptr), GH_INVALID);
  EXPECT_EQ(api_.erase(host_, nullptr, raw(bad)), GH_INVALID);
  EXPECT_EQ(api_.clear(host_, nullptr, raw(bad)), GH_INVALID);
}

TEST_F(StoreTableTest, QuotasThatMakeNoSenseAreInvalid) {
  EXPECT_EQ(take({}), GH_OK);
  EXPECT_EQ(take({{raw("a"), 0, kMinute, 1, 0, 0, {}}}), GH_INVALID);
  EXPECT_EQ(take({{raw("a"), -1, kMinute, 1, 0, 0, {}}}), GH_INVALID);
  EXPECT_EQ(take({{raw("a"), kMost, kMinute, 1, 0, 0, {}}}), GH_INVALID);
  EXPECT_EQ(take({{raw("a"), 1, kMinute, 1, 0, 0, {}}, {raw("a"), 5, kMinute, 1, 0, 0, {}}}),
            GH_INVALID)
      << "it would count once or twice";
  const std::string many = "abcdefghijklmnopq";
  std::vector<gh_quota> quotas;
  for (const char& c : many) quotas.push_back({{&c, 1}, 1, kMinute, 1, 0, 0, {}});
  EXPECT_EQ(take(quotas), GH_INVALID);
  EXPECT_EQ(take({{raw("a"), 1, kMinute, 1, 0, 0, {}}}), GH_OK) << "nothing was taken before";
}

TEST_F(StoreTableTest, SeveralQuotasKeepTheirKeys) {
  gh_quota quotas[] = {{raw("a"), 2, kMinute, 1, 0, 0, {}}, {raw("bc"), 1, kMinute, 1, 0, 0, {}}};
  EXPECT_EQ(api_.take(host_, nullptr, quotas, 2), GH_OK);
  EXPECT_EQ(quotas[0].remaining, 1);
  EXPECT_EQ(quotas[1].remaining, 0);
  EXPECT_EQ(view(quotas[1].key), "bc");
  EXPECT_EQ(take({{raw("bc"), 1, kMinute, 1, 0, 0, {}}}), GH_ABSENT);
  EXPECT_EQ(take({{raw("a"), 2, kMinute, 1, 0, 0, {}}}), GH_OK);
}

TEST_F(StoreTableTest, WhatIsTakenHereCountsWithTheRest) {
  gh_quota quota{raw("a"), 1, kMinute, 1, 0, 0, {}};
  EXPECT_EQ(take({quota}), GH_OK);
  EXPECT_EQ(api_.take_here(host_, nullptr, &quota, 1), GH_ABSENT);
  EXPECT_EQ(api_.take_here(other_host_, nullptr, &quota, 1), GH_OK)
      << "each instance has its own keys";
  quota.limit = 0;
  EXPECT_EQ(api_.take_here(host_, nullptr, &quota, 1), GH_INVALID);
  quota.limit = api_.max_limit(host_) + 1;
  EXPECT_EQ(api_.take_here(host_, nullptr, &quota, 1), GH_INVALID);
}

TEST_F(StoreTableTest, AdditionsThatMakeNoSenseAreInvalid) {
  const auto add_all = [&](std::vector<gh_addition> additions) {
    return counters_.add(host_, nullptr, additions.data(), additions.size());
  };
  const std::int64_t limit = api_.max_limit(host_);
  EXPECT_EQ(add_all({}), GH_OK);
  EXPECT_EQ(add_all({{raw("a"), limit + 1, kMinute, kMost, 0, {}}}), GH_INVALID);
  EXPECT_EQ(add_all({{raw("a"), kLeast, kMinute, kMost, 0, {}}}), GH_INVALID);
  EXPECT_EQ(add_all({{raw("a"), 1, kMs - 1, kMost, 0, {}}}), GH_INVALID);
  EXPECT_EQ(add_all({{raw(std::string(4097, 'k')), 1, kMinute, kMost, 0, {}}}), GH_INVALID);
  const gh_addition one{raw("a"), 1, kMinute, 2, 0, {}};
  EXPECT_EQ(add_all({one, one}), GH_INVALID) << "it would count once or twice";
  std::vector<std::string> keys;
  for (int i = 0; i < 65; ++i) keys.push_back("many" + std::to_string(i));
  std::vector<gh_addition> many;
  for (const std::string& key : keys) many.push_back({raw(key), 1, kMinute, kMost, 0, {}});
  EXPECT_EQ(add_all(many), GH_INVALID);
  many.pop_back();
  EXPECT_EQ(add_all(many), GH_OK);
  EXPECT_EQ(add_all({one}), GH_OK) << "nothing was added before";
}

TEST_F(StoreTableTest, AdditionsAreToTheCountersOfTheInstance) {
  gh_addition both[] = {{raw("a"), 2, kMinute, 2, 0, {}}, {raw("bc"), 3, kMinute, 9, 0, {}}};
  EXPECT_EQ(counters_.add(host_, nullptr, both, 2), GH_OK);
  EXPECT_EQ(both[0].total, 2);
  EXPECT_EQ(both[1].total, 3);
  EXPECT_EQ(view(both[1].key), "bc");
  EXPECT_EQ(counters_.add_here(host_, nullptr, both, 2), GH_ABSENT);
  EXPECT_EQ(counters_.add_here(other_host_, nullptr, both, 2), GH_OK);
}

TEST_F(StoreTableTest, OnlyWhatIsKeptElsewhereLetsTheAnswerLeaveFirst) {
  Request r;
  EXPECT_EQ(api_.put(host_, &r.x, raw("a"), raw("b"), kMinute), GH_OK);
  EXPECT_EQ(r.client.flushes, 0) << "memory does not wait";

  StoreSettings nowhere;
  nowhere.redis = {"127.0.0.1", static_cast<std::uint16_t>(std::stoi(Listener().port()))};
  Gateway gateway(log_, nowhere);
  const Instance instance = make("redis", gateway);
  std::string value;
  EXPECT_EQ(api_.get(created, &r.x, raw("a"), &value, [](void*, gh_str) {}), GH_UNAVAILABLE);
  EXPECT_EQ(r.client.flushes, 0) << "a plugin that looks something up may still set headers";
  EXPECT_EQ(api_.put(created, &r.x, raw("a"), raw("b"), kMinute), GH_UNAVAILABLE);
  EXPECT_EQ(r.client.flushes, 1);
}

}  // namespace
}  // namespace gatehouse::core
