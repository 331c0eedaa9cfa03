#include "throttler.h"

#include <gtest/gtest.h>

#include <thread>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::throttler {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Harness;
using testing::Headers;
using testing::Request;

/// Who asks, as far as extension-auth has found out.
struct Caller {
  std::string extension = "abcdefghijklmnopabcdefghijklmnop";
  std::string install;
  std::string peer = "192.0.2.1";
  Headers headers;
};

struct ThrottlerTest : ::testing::Test {
  Harness h;

  ThrottlerTest() { h.next = testing::answer("hi"); }

  Throttler throttler(View config) { return {h.host(), h.config(config)}; }

  Answer ask(Throttler& throttler, const Caller& caller = {}) {
    struct Noted final : Plugin {
      Noted(Throttler& t, const Caller& c) : throttler(t), caller(c) {}
      Status handle(Exchange& x, Sink& out, Next& next) override {
        if (!caller.extension.empty()) x.notes().edit("extension_id").set(View(caller.extension));
        if (!caller.install.empty()) x.notes().edit("install").set(View(caller.install));
        return throttler.handle(x, out, next);
      }
      Throttler& throttler;
      const Caller& caller;
    } noted(throttler, caller);
    Request request("POST", "/api/chat");
    request.peer = caller.peer;
    request.headers = caller.headers;
    return h.run(noted, request);
  }
  double decisions(const std::string& decision) {
    return h.metrics.at("gatehouse_throttle_decisions_total{plugin=\"test\",decision=\"" +
                        decision + "\"}");
  }
};

TEST_F(ThrottlerTest, AllowsAHundredRequestsAMinuteUnlessToldOtherwise) {
  Throttler t = throttler("{}");
  Answer answer = ask(t);
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(answer.header("RateLimit-Policy"), R"("default";q=100;w=60)");
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=99;t=60)");

  h.advance(48s);
  for (int i = 1; i < 100; ++i) EXPECT_EQ((answer = ask(t)).status, 200);
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=0;t=12)");
  answer = ask(t);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.failure.code, "rate_limited");
  EXPECT_EQ(answer.failure.message, "Too many requests: at most 100 in 60 s. Try again in 12 s.");
  EXPECT_EQ(answer.header("Retry-After"), "12");
  EXPECT_EQ(answer.header("RateLimit-Policy"), R"("default";q=100;w=60)");
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=0;t=12)");
  EXPECT_EQ(h.next_calls, 100);
  EXPECT_EQ(decisions("allowed"), 100);
  EXPECT_EQ(decisions("refused"), 1);
}

TEST_F(ThrottlerTest, AllowsMoreWhenTheOldestHaveLeftTheWindow) {
  Throttler t = throttler(R"({"limit": 2, "window": "10s"})");
  EXPECT_EQ(ask(t).status, 200);
  h.advance(6s);
  EXPECT_EQ(ask(t).status, 200);
  h.advance(3999ms);
  const Answer answer = ask(t);
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=0;t=1)") << "whole seconds, rounded up";
  EXPECT_EQ(answer.failure.message, "Too many requests: at most 2 in 10 s. Try again in 1 s.");
  h.advance(1ms);
  EXPECT_EQ(ask(t).status, 200);
  EXPECT_EQ(ask(t).header("Retry-After"), "6");
}

TEST_F(ThrottlerTest, CountsWhatTheKeySays) {
  const std::string other_id(32, 'p');
  struct Case {
    const char* key;
    Caller first, second;
    bool same;
  };
  const Caller known;
  for (const Case& c : std::vector<Case>{
           {"client", known, {other_id, "", known.peer, {}}, true},
           {"client", known, {known.extension, "", "192.0.2.2", {}}, false},
           {"client", known, {known.extension, "", known.peer, {{"X-User", "b"}}}, true},
           {"client",
            {known.extension, "laptop", known.peer, {}},
            {other_id, "laptop", "192.0.2.2", {}},
            true},
           {"client",
            {known.extension, "laptop", known.peer, {}},
            {known.extension, "phone", known.peer, {}},
            false},
           {"client", {"", "", known.peer, {}}, {"", "", "192.0.2.2", {}}, false},
           {"address", known, {other_id, "phone", known.peer, {}}, true},
           {"address", known, {known.extension, "", "192.0.2.2", {}}, false},
           {"address", {"", "", "2001:db8::1", {}}, {"", "", "2001:db8::2", {}}, true},
           {"address", {"", "", "2001:db8:1:2::1", {}}, {"", "", "2001:db8:1:3::1", {}}, false},
           {"address", {"", "", "fe80::1%eth0", {}}, {"", "", "fe80::2%eth0", {}}, false},
           {"extension", known, {known.extension, "phone", "192.0.2.2", {}}, true},
           {"extension", known, {other_id, "", known.peer, {}}, false},
           {"extension", {"", "", known.peer, {}}, {"", "", "192.0.2.2", {}}, false},
           {"install",
            {known.extension, "laptop", known.peer, {}},
            {other_id, "laptop", "192.0.2.2", {}},
            true},
           {"install", known, {other_id, "", known.peer, {}}, true},
           {"install", known, {known.extension, "", "192.0.2.2", {}}, false},
           {"header:X-User",
            {"", "", known.peer, {{"x-user", "a"}}},
            {other_id, "", "192.0.2.2", {{"X-User", "a"}}},
            true},
           {"header:X-User",
            {"", "", known.peer, {{"X-User", "a"}}},
            {"", "", known.peer, {{"X-User", std::string(10000, 'b')}}},
            false},
           {"header:X-User", known, {known.extension, "", "192.0.2.2", {}}, false}}) {
    Throttler t = throttler(std::string(R"({"limit": 1, "key": ")").append(c.key).append("\"}"));
    EXPECT_EQ(ask(t, c.first).status, 200);
    EXPECT_EQ(ask(t, c.second).status, c.same ? 429 : 200)
        << c.key << ": " << c.second.extension << c.second.install << c.second.peer;
    h.advance(60s);
  }
}

TEST_F(ThrottlerTest, CountsTheClientsBehindAProxyOnTheirOwn) {
  Throttler t = throttler(R"({"limit": 1})");
  const auto status = [&](const char* peer, const char* client) {
    Request request("GET", "/");
    request.peer = peer;
    request.client = client;
    return h.run(t, request).status;
  };
  EXPECT_EQ(status("10.0.0.1", "198.51.100.1"), 200);
  EXPECT_EQ(status("10.0.0.1", "198.51.100.2"), 200);
  EXPECT_EQ(status("10.0.0.2", "198.51.100.1"), 429);
}

TEST_F(ThrottlerTest, CountsARequestForAllPoliciesOrForNone) {
  Throttler t = throttler(
      R"({"policies": [{"name": "burst", "limit": 2, "window": "1s"}, {"name": "long", "limit": 3, "window": "1h"}]})");
  EXPECT_EQ(ask(t).header("RateLimit-Policy"), R"("burst";q=2;w=1, "long";q=3;w=3600)");
  EXPECT_EQ(ask(t).header("RateLimit"), R"("burst";r=0;t=1, "long";r=1;t=3600)");
  Answer answer = ask(t);
  EXPECT_EQ(answer.failure.message, "Too many requests: at most 2 in 1 s. Try again in 1 s.");
  EXPECT_EQ(answer.header("RateLimit"), R"("burst";r=0;t=1, "long";r=1;t=3600)");

  h.advance(1s);
  EXPECT_EQ(ask(t).status, 200);
  answer = ask(t);
  EXPECT_EQ(answer.failure.message, "Too many requests: at most 3 in 3600 s. Try again in 3599 s.");
  EXPECT_EQ(answer.header("RateLimit"), R"("burst";r=1;t=1, "long";r=0;t=3599)");
}

TEST_F(ThrottlerTest, NamesTheLongestWaitWhenSeveralPoliciesRefuse) {
  Throttler t = throttler(
      R"({"policies": [{"name": "a", "limit": 9, "window": "60s"}, {"name": "b", "limit": 1, "window": "1s"},
                                           {"name": "c", "limit": 1, "window": "30s"}, {"name": "d", "limit": 1, "window": "10s"}]})");
  EXPECT_EQ(ask(t).status, 200);
  EXPECT_EQ(ask(t).header("Retry-After"), "30");
}

TEST_F(ThrottlerTest, NeverAllowsMoreThanTheLimitOnManyThreads) {
  Throttler t = throttler(R"({"limit": 100, "concurrent": 64})");
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) allowed += ask(t).status == 200;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed, 100);
}

TEST_F(ThrottlerTest, CountsByItselfWhileTheStoreIsDown) {
  Throttler t = throttler(R"({"limit": 2})");
  EXPECT_EQ(ask(t).status, 200);
  h.store_down = true;
  Answer answer = ask(t);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=0;t=60)");
  answer = ask(t);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.failure.code, "rate_limited");
  EXPECT_EQ(h.logs,
            std::vector<std::string>{
                "warn: the store does not answer: requests are counted by this gateway alone"});
  EXPECT_EQ(decisions("store_failure"), 2);
  EXPECT_EQ(decisions("allowed"), 2);
  EXPECT_EQ(decisions("refused"), 1);
}

TEST_F(ThrottlerTest, LetsRequestsPassUncountedWhileTheStoreIsDownIfItIsToldSo) {
  Throttler t = throttler(R"({"limit": 1, "on_store_failure": "open"})");
  h.store_down = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(t).status, 200);
  EXPECT_EQ(h.logs,
            std::vector<std::string>{"warn: the store does not answer: requests pass uncounted"});
  EXPECT_EQ(decisions("store_failure"), 3);
  EXPECT_EQ(decisions("allowed"), 0);

  h.advance(1min);
  EXPECT_EQ(ask(t).status, 200);
  EXPECT_EQ(h.logs.size(), 2u);
}

TEST_F(ThrottlerTest, RefusesRequestsWhileTheStoreIsDownIfItIsToldSo) {
  Throttler t = throttler(R"({"on_store_failure": "closed"})");
  h.store_down = true;
  const Answer answer = ask(t);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.failure.code, "store_unavailable");
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ThrottlerTest, RefusesALimitThatTheStoreCannotCount) {
  h.max_limit = 50;
  (void)throttler(R"({"limit": 50})");
  EXPECT_TRUE(h.problems.empty());
  (void)throttler(R"({"policies": [{"name": "a", "limit": 51}]})");
  EXPECT_EQ(
      h.problems,
      std::vector<std::string>{
          "/policies/0/limit: `limit` is more than the store can count, 50: lower it, or raise "
          "store.max_size to 256 bytes for each"});
}

TEST_F(ThrottlerTest, AddsToTheHeadersOfTheThrottlerAbove) {
  Throttler above = throttler(R"({"name": "all", "limit": 9})"),
            below = throttler(R"({"name": "one", "limit": 1, "key": "address"})");
  const gh_next end{sizeof end, nullptr,
                    [](void*, gh_exchange*, const gh_sink*) -> gh_status { return GH_OK; }};
  h.next = [&](Exchange& x, Sink& out) {
    Next next(&end);
    return below.handle(x, out, next);
  };
  for (const int status : {200, 429, 429}) {
    const Answer answer = ask(above);
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.header("RateLimit-Policy"), R"("all";q=9;w=60, "one";q=1;w=60)");
    EXPECT_EQ(answer.header("RateLimit").find(R"("all";r=)"), 0u);
    EXPECT_NE(answer.header("RateLimit").find(R"(, "one";r=0;t=60)"), std::string::npos);
    EXPECT_EQ(answer.notes.find("RateLimit"), std::string::npos) << "they are no news for the log";
  }
}

TEST_F(ThrottlerTest, LimitsTheRequestsThatRunAtOnce) {
  Throttler t = throttler(R"({"concurrent": 2})");
  std::vector<Answer> inner;
  h.next = [&](Exchange& x, Sink& out) {
    if (h.next_calls == 1) inner.push_back(ask(t));
    if (h.next_calls == 2) inner.push_back(ask(t));
    if (h.next_calls == 2) inner.push_back(ask(t, {{}, "", "192.0.2.2", {}}));
    return x.reply(out, 200, "text/plain", "hi");
  };
  EXPECT_EQ(ask(t).status, 200);
  ASSERT_EQ(inner.size(), 3u);
  EXPECT_EQ(inner[0].status, 429);
  EXPECT_EQ(inner[0].failure.message,
            "Too many requests at once: at most 2. Try again when one has ended.");
  EXPECT_EQ(inner[0].header("Retry-After"), "1");
  EXPECT_EQ(inner[1].status, 200) << "another client has places of its own";
  EXPECT_EQ(inner[2].status, 200);
  EXPECT_EQ(ask(t).header("RateLimit"), R"("default";r=97;t=60)")
      << "what was refused does not count";
  EXPECT_EQ(decisions("refused"), 1);
}

TEST_F(ThrottlerTest, GivesThePlaceBackHoweverARequestEnds) {
  Throttler t = throttler(R"({"limit": 3, "concurrent": 1})");
  h.next = testing::fails({502, "upstream_broken", "The upstream broke off its answer.", {}});
  EXPECT_EQ(ask(t).status, 502);
  h.next = [](Exchange&, Sink&) -> Status { throw std::runtime_error("out of order"); };
  EXPECT_EQ(ask(t).status, 500);
  h.next = testing::answer("hi");
  EXPECT_EQ(ask(t).status, 200);
  EXPECT_EQ(ask(t).failure.code, "rate_limited");
  h.advance(60s);
  EXPECT_EQ(ask(t).status, 200);
}

TEST_F(ThrottlerTest, GivesPlacesBackThatItTookForEarlierPolicies) {
  Throttler t = throttler(R"({"policies": [{"name": "a", "key": "extension", "concurrent": 2},
                                           {"name": "b", "key": "address", "concurrent": 1}]})");
  std::vector<int> inner;
  h.next = [&](Exchange& x, Sink& out) {
    if (h.next_calls == 1) {
      inner.push_back(ask(t).status);
      inner.push_back(ask(t, {Caller().extension, "", "192.0.2.2", {}}).status);
    }
    return x.reply(out, 200, "text/plain", "hi");
  };
  EXPECT_EQ(ask(t).status, 200);
  EXPECT_EQ(inner, (std::vector<int>{429, 200}));
}

TEST_F(ThrottlerTest, StillCountsAfterAReloadWhatRunsInTheOlderInstance) {
  Throttler older = throttler(R"({"concurrent": 1})");
  Throttler newer = throttler(R"({"concurrent": 1})");
  newer.adopt(older);
  int inner = 0;
  h.next = [&](Exchange& x, Sink& out) {
    inner = ask(newer).status;
    return x.reply(out, 200, "text/plain", "hi");
  };
  EXPECT_EQ(ask(older).status, 200);
  EXPECT_EQ(inner, 429);
  h.next = testing::answer("hi");
  EXPECT_EQ(ask(newer).status, 200);
}

TEST_F(ThrottlerTest, TellsWhatIsWrongWithItsConfiguration) {
  (void)throttler(
      R"({"policies": [{"name": "a", "window": "0s"}, {"name": "a", "window": "25h"}, {"name": "b", "window": "1500ms"}]})");
  EXPECT_EQ(h.problems, (std::vector<std::string>{
                            "/policies/0/window: must be whole seconds, from 1s to 24h",
                            "/policies/1/window: must be whole seconds, from 1s to 24h",
                            "/policies/1/name: another policy has this name",
                            "/policies/2/window: must be whole seconds, from 1s to 24h"}));
}

TEST_F(ThrottlerTest, TellsNobodyTheHeaderThatItCountsBy) {
  Throttler t = throttler(R"({"limit": 1, "key": "header:X-Api-Key"})");
  std::string told;
  for (const bool down : {false, false, true}) {
    h.store_down = down;
    const Answer answer = ask(t, {"", "", "192.0.2.1", {{"X-Api-Key", "canary"}}});
    told.append(answer.failure.message).append(answer.failure.detail).append(answer.notes);
    for (const auto& [name, value] : answer.headers) told.append(name).append(value);
  }
  for (const std::string& line : h.logs) told += line;
  for (const auto& [name, value] : h.metrics) told += name;
  EXPECT_NE(told.find("Too many requests"), std::string::npos);
  EXPECT_EQ(told.find("canary"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::plugins::throttler
