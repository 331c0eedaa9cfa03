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

struct Client {
  std::string tenant = "abcdefghijklmnopabcdefghijklmnop";
  std::string user;
  std::string peer = "192.0.2.1";
  Headers headers;
};

struct ThrottlerTest : ::testing::Test {
  Harness h;

  ThrottlerTest() { h.next = testing::answer("hi"); }

  Throttler throttler(View config) { return {h.host(), h.config(config)}; }

  Answer send(Throttler& throttler, const Client& client = {}) {
    Request request("POST", "/api/chat");
    request.caller = {client.tenant, client.user, {}};
    request.peer = client.peer;
    request.headers = client.headers;
    return h.run(throttler, request);
  }
  double decisions(const std::string& decision) {
    return h.metrics.at("gatehouse_throttle_decisions_total{plugin=\"test\",decision=\"" +
                        decision + "\"}");
  }
};

TEST_F(ThrottlerTest, CountsACallerWithoutUserByTheNameOfItsKey) {
  Throttler t = throttler(R"({"limit": 1})");
  const auto status = [&](const char* key, const char* address) {
    Request request("POST", "/v1/chat/completions");
    request.caller = {"ada", "", key};
    request.peer = address;
    return h.run(t, request).status;
  };
  EXPECT_EQ(status("laptop", "192.0.2.1"), 200);
  EXPECT_EQ(status("desk", "192.0.2.1"), 200);
  EXPECT_EQ(status("laptop", "192.0.2.2"), 429);
}

TEST_F(ThrottlerTest, AllowsAHundredRequestsAMinuteByDefault) {
  Throttler t = throttler("{}");
  Answer answer = send(t);
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(answer.header("RateLimit-Policy"), R"("default";q=100;w=60)");
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=99;t=60)");

  h.advance(48s);
  for (int i = 1; i < 100; ++i) EXPECT_EQ((answer = send(t)).status, 200);
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=0;t=12)");
  answer = send(t);
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

TEST_F(ThrottlerTest, AllowsMoreWhenTheOldestRequestsHaveLeftTheWindow) {
  Throttler t = throttler(R"({"limit": 2, "window": "10s"})");
  EXPECT_EQ(send(t).status, 200);
  h.advance(6s);
  EXPECT_EQ(send(t).status, 200);
  h.advance(3999ms);
  const Answer answer = send(t);
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=0;t=1)") << "whole seconds, rounded up";
  EXPECT_EQ(answer.failure.message, "Too many requests: at most 2 in 10 s. Try again in 1 s.");
  h.advance(1ms);
  EXPECT_EQ(send(t).status, 200);
  EXPECT_EQ(send(t).header("Retry-After"), "6");
}

TEST_F(ThrottlerTest, CountsByTheKey) {
  const std::string other_id(32, 'p');
  struct Case {
    const char* key;
    Client first, second;
    bool same;
  };
  const Client known;
  for (const Case& c : std::vector<Case>{
           {"client", known, {other_id, "", known.peer, {}}, true},
           {"client", known, {known.tenant, "", "192.0.2.2", {}}, false},
           {"client", known, {known.tenant, "", known.peer, {{"X-User", "b"}}}, true},
           {"client",
            {known.tenant, "laptop", known.peer, {}},
            {other_id, "laptop", "192.0.2.2", {}},
            true},
           {"client",
            {known.tenant, "laptop", known.peer, {}},
            {known.tenant, "phone", known.peer, {}},
            false},
           {"client", {"", "", known.peer, {}}, {"", "", "192.0.2.2", {}}, false},
           {"address", known, {other_id, "phone", known.peer, {}}, true},
           {"address", known, {known.tenant, "", "192.0.2.2", {}}, false},
           {"address", {"", "", "2001:db8::1", {}}, {"", "", "2001:db8::2", {}}, true},
           {"address", {"", "", "2001:db8:1:2::1", {}}, {"", "", "2001:db8:1:3::1", {}}, false},
           {"address", {"", "", "fe80::1%eth0", {}}, {"", "", "fe80::2%eth0", {}}, false},
           {"extension", known, {known.tenant, "phone", "192.0.2.2", {}}, true},
           {"extension", known, {other_id, "", known.peer, {}}, false},
           {"extension", {"", "", known.peer, {}}, {"", "", "192.0.2.2", {}}, false},
           {"install",
            {known.tenant, "laptop", known.peer, {}},
            {other_id, "laptop", "192.0.2.2", {}},
            true},
           {"install", known, {other_id, "", known.peer, {}}, true},
           {"install", known, {known.tenant, "", "192.0.2.2", {}}, false},
           {"header:X-User",
            {"", "", known.peer, {{"x-user", "a"}}},
            {other_id, "", "192.0.2.2", {{"X-User", "a"}}},
            true},
           {"header:X-User",
            {"", "", known.peer, {{"X-User", "a"}}},
            {"", "", known.peer, {{"X-User", std::string(10000, 'b')}}},
            false},
           {"header:X-User", known, {known.tenant, "", "192.0.2.2", {}}, false}}) {
    Throttler t = throttler(std::string(R"({"limit": 1, "key": ")").append(c.key).append("\"}"));
    EXPECT_EQ(send(t, c.first).status, 200);
    EXPECT_EQ(send(t, c.second).status, c.same ? 429 : 200)
        << c.key << ": " << c.second.tenant << c.second.user << c.second.peer;
    h.advance(60s);
  }
}

TEST_F(ThrottlerTest, CountsClientsBehindAProxySeparately) {
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
  Throttler t = throttler(R"({"policies": [{"name": "burst", "limit": 2, "window": "1s"},
                                           {"name": "long", "limit": 3, "window": "1h"}]})");
  EXPECT_EQ(send(t).header("RateLimit-Policy"), R"("burst";q=2;w=1, "long";q=3;w=3600)");
  EXPECT_EQ(send(t).header("RateLimit"), R"("burst";r=0;t=1, "long";r=1;t=3600)");
  Answer answer = send(t);
  EXPECT_EQ(answer.failure.message, "Too many requests: at most 2 in 1 s. Try again in 1 s.");
  EXPECT_EQ(answer.header("RateLimit"), R"("burst";r=0;t=1, "long";r=1;t=3600)");

  h.advance(1s);
  EXPECT_EQ(send(t).status, 200);
  answer = send(t);
  EXPECT_EQ(answer.failure.message, "Too many requests: at most 3 in 3600 s. Try again in 3599 s.");
  EXPECT_EQ(answer.header("RateLimit"), R"("burst";r=1;t=1, "long";r=0;t=3599)");
}

TEST_F(ThrottlerTest, ReportsTheLongestWaitWhenSeveralPoliciesReject) {
  Throttler t = throttler(R"({"policies": [{"name": "a", "limit": 9, "window": "60s"},
                                           {"name": "b", "limit": 1, "window": "1s"},
                                           {"name": "c", "limit": 1, "window": "30s"},
                                           {"name": "d", "limit": 1, "window": "10s"}]})");
  EXPECT_EQ(send(t).status, 200);
  EXPECT_EQ(send(t).header("Retry-After"), "30");
}

TEST_F(ThrottlerTest, NeverAllowsMoreThanTheLimitOnManyThreads) {
  Throttler t = throttler(R"({"limit": 100, "concurrent": 64})");
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) allowed += send(t).status == 200;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed, 100);
}

TEST_F(ThrottlerTest, CountsInThisProcessWhileTheStoreIsDown) {
  Throttler t = throttler(R"({"limit": 2})");
  EXPECT_EQ(send(t).status, 200);
  h.store_down = true;
  Answer answer = send(t);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("RateLimit"), R"("default";r=0;t=60)");
  answer = send(t);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.failure.code, "rate_limited");
  EXPECT_EQ(h.logs,
            std::vector<std::string>{
                "warn: the store is unavailable: requests are counted by this gateway alone"});
  EXPECT_EQ(decisions("store_failure"), 2);
  EXPECT_EQ(decisions("allowed"), 2);
  EXPECT_EQ(decisions("refused"), 1);
}

TEST_F(ThrottlerTest, LetsRequestsPassUncountedWhileTheStoreIsDownIfConfiguredSo) {
  Throttler t = throttler(R"({"limit": 1, "on_store_failure": "open"})");
  h.store_down = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(t).status, 200);
  EXPECT_EQ(h.logs, std::vector<std::string>{
                        "warn: the store is unavailable: requests pass without being counted"});
  EXPECT_EQ(decisions("store_failure"), 3);
  EXPECT_EQ(decisions("allowed"), 0);

  h.advance(1min);
  EXPECT_EQ(send(t).status, 200);
  EXPECT_EQ(h.logs.size(), 2u);
}

TEST_F(ThrottlerTest, RejectsRequestsWhileTheStoreIsDownIfConfiguredSo) {
  Throttler t = throttler(R"({"on_store_failure": "closed"})");
  h.store_down = true;
  const Answer answer = send(t);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.failure.code, "store_unavailable");
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ThrottlerTest, ReportsALimitThatTheStoreCannotCount) {
  h.max_limit = 50;
  (void)throttler(R"({"limit": 50})");
  EXPECT_TRUE(h.problems.empty());
  (void)throttler(R"({"policies": [{"name": "a", "limit": 51}]})");
  EXPECT_EQ(h.problems, std::vector<std::string>{
                            "/policies/0/limit: the store can count at most 50: lower `limit`"});
}

TEST_F(ThrottlerTest, AppendsToTheHeadersOfTheThrottlerAbove) {
  Throttler above = throttler(R"({"name": "all", "limit": 9})"),
            below = throttler(R"({"name": "one", "limit": 1, "key": "address"})");
  const gh_next end{sizeof end, 0, nullptr,
                    [](void*, gh_exchange*, const gh_sink*) -> gh_status { return GH_OK; }};
  h.next = [&](Exchange& x, Sink& out) {
    Next next(&end);
    return below.handle(x, out, next);
  };
  for (const int status : {200, 429, 429}) {
    const Answer answer = send(above);
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.header("RateLimit-Policy"), R"("all";q=9;w=60, "one";q=1;w=60)");
    EXPECT_EQ(answer.header("RateLimit").find(R"("all";r=)"), 0u);
    EXPECT_NE(answer.header("RateLimit").find(R"(, "one";r=0;t=60)"), std::string::npos);
    EXPECT_EQ(answer.notes.find("RateLimit"), std::string::npos) << "they are not for the log";
  }
}

// ---- For the operator --------------------------------------------------------------------------

TEST_F(ThrottlerTest, ShowsTheCallersThatItRejectsAndThoseNearTheirLimits) {
  Throttler t = throttler(R"({"limit": 4})");
  const auto limits = [&] { return h.admin(t, "GET", "/limits").body; };
  const Client ada{"", "ada", {}, {}}, bob{"", "bob", {}, {}}, cid{"", "cid", {}, {}};
  (void)send(t, cid);
  for (int i = 0; i < 2; ++i) (void)send(t, bob);
  h.advance(20s);
  for (int i = 0; i < 6; ++i) (void)send(t, ada);
  EXPECT_EQ(limits(),
            R"({"limits":[)"
            R"({"for":"install","name":"ada","per":"60 s","unit":"requests","limit":4,"used":4,)"
            R"("left":0,"resets_at":1735689680,"refused":2,"refuses_until":1735689680},)"
            R"({"for":"install","name":"bob","per":"60 s","unit":"requests","limit":4,"used":2,)"
            R"("left":2,"resets_at":1735689660,"refused":0}]})")
      << "cid has used less than half";
  h.advance(60s);
  EXPECT_EQ(limits(), R"({"limits":[]})");
}

TEST_F(ThrottlerTest, ShowsTheCallersThatRunTooManyRequests) {
  Throttler t = throttler(R"({"limit": 100, "concurrent": 1})");
  h.next = [&](Exchange& x, Sink& out) {
    if (h.next_calls == 1) {
      EXPECT_EQ(send(t).status, 429);
    }
    return x.reply(out, 200, "text/plain", "hi");
  };
  (void)send(t);
  Harness reloaded;
  Throttler newer(reloaded.host(), reloaded.config("{}"));
  newer.adopt(t);
  EXPECT_EQ(reloaded.admin(newer, "GET", "/limits").body,
            R"({"limits":[{"for":"address","name":"192.0.2.1","unit":"running requests",)"
            R"("limit":1,"used":1,"left":0,"resets_at":1735689601,"refused":1,)"
            R"("refuses_until":1735689601}]})");
}

// ---- Running requests --------------------------------------------------------------------------

TEST_F(ThrottlerTest, LimitsConcurrentRequests) {
  Throttler t = throttler(R"({"concurrent": 2})");
  std::vector<Answer> inner;
  h.next = [&](Exchange& x, Sink& out) {
    if (h.next_calls == 1) inner.push_back(send(t));
    if (h.next_calls == 2) inner.push_back(send(t));
    if (h.next_calls == 2) inner.push_back(send(t, {{}, "", "192.0.2.2", {}}));
    return x.reply(out, 200, "text/plain", "hi");
  };
  EXPECT_EQ(send(t).status, 200);
  ASSERT_EQ(inner.size(), 3u);
  EXPECT_EQ(inner[0].status, 429);
  EXPECT_EQ(inner[0].failure.message,
            "Too many requests at once: at most 2. Try again when one has ended.");
  EXPECT_EQ(inner[0].failure.code, "too_many_running");
  EXPECT_EQ(inner[0].header("Retry-After"), "1");
  EXPECT_EQ(inner[1].status, 200) << "another client has its own places";
  EXPECT_EQ(inner[2].status, 200);
  EXPECT_EQ(send(t).header("RateLimit"), R"("default";r=97;t=60)")
      << "a rejected request does not count";
  EXPECT_EQ(decisions("refused"), 1);
}

TEST_F(ThrottlerTest, FreesThePlaceHoweverARequestEnds) {
  Throttler t = throttler(R"({"limit": 3, "concurrent": 1})");
  h.next = testing::fails({502, "upstream_broken", "The upstream broke off its response.", {}});
  EXPECT_EQ(send(t).status, 502);
  h.next = [](Exchange&, Sink&) -> Status { throw std::runtime_error("out of order"); };
  EXPECT_EQ(send(t).status, 500);
  h.next = testing::answer("hi");
  EXPECT_EQ(send(t).status, 200);
  EXPECT_EQ(send(t).failure.code, "rate_limited");
  h.advance(60s);
  EXPECT_EQ(send(t).status, 200);
}

TEST_F(ThrottlerTest, FreesThePlacesOfOtherPoliciesOnRejection) {
  Throttler t = throttler(R"({"policies": [{"name": "a", "key": "extension", "concurrent": 2},
                                           {"name": "b", "key": "address", "concurrent": 1}]})");
  std::vector<int> inner;
  h.next = [&](Exchange& x, Sink& out) {
    if (h.next_calls == 1) {
      inner.push_back(send(t).status);
      inner.push_back(send(t, {Client().tenant, "", "192.0.2.2", {}}).status);
    }
    return x.reply(out, 200, "text/plain", "hi");
  };
  EXPECT_EQ(send(t).status, 200);
  EXPECT_EQ(inner, (std::vector<int>{429, 200}));
}

TEST_F(ThrottlerTest, CountsRequestsOfTheOlderInstanceAfterAReload) {
  Throttler older = throttler(R"({"concurrent": 1})");
  Throttler newer = throttler(R"({"concurrent": 1})");
  newer.adopt(older);
  int inner = 0;
  h.next = [&](Exchange& x, Sink& out) {
    inner = send(newer).status;
    return x.reply(out, 200, "text/plain", "hi");
  };
  EXPECT_EQ(send(older).status, 200);
  EXPECT_EQ(inner, 429);
  h.next = testing::answer("hi");
  EXPECT_EQ(send(newer).status, 200);
}

TEST_F(ThrottlerTest, ReportsMistakesOfItsConfiguration) {
  (void)throttler(R"({"policies": [{"name": "a", "window": "1500ms"}, {"name": "a"}]})");
  EXPECT_EQ(h.problems, (std::vector<std::string>{
                            "/policies/0/window: must be whole seconds, such as 1s or 5m",
                            "/policies/1/name: another policy has the same name: rename one of "
                            "them"}));
}

TEST_F(ThrottlerTest, RevealsNoValueOfTheHeaderThatItCountsBy) {
  Throttler t = throttler(R"({"limit": 1, "key": "header:X-Api-Key"})");
  std::string revealed;
  for (const bool down : {false, false, true}) {
    h.store_down = down;
    const Answer answer = send(t, {"", "", "192.0.2.1", {{"X-Api-Key", "canary"}}});
    revealed.append(answer.failure.message).append(answer.failure.detail).append(answer.notes);
    for (const auto& [name, value] : answer.headers) revealed.append(name).append(value);
  }
  for (const std::string& line : h.logs) revealed += line;
  for (const auto& [name, value] : h.metrics) revealed += name;
  EXPECT_NE(revealed.find("Too many requests"), std::string::npos);
  EXPECT_EQ(revealed.find("canary"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::plugins::throttler
