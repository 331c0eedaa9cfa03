#include "retry.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::retry {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr View kChat = R"({"model": "m", "messages": []})";
const Events kHello = {"step-start", "text:Hello", "step-finish:stop"};

Fail failure(std::uint32_t flags, std::string code, std::chrono::nanoseconds retry_after = 0ns) {
  return {502, std::move(code), "No.", "a detail", retry_after, flags};
}
const Fail kError = failure(GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM, "upstream_error");
const Fail kSuspect = failure(GH_FAIL_TRANSIENT | GH_FAIL_SUSPECT, "upstream_error");
const Fail kRefused = failure(0, "upstream_refused");
Fail busy(std::chrono::nanoseconds retry_after = 0ns) {
  return failure(GH_FAIL_TRANSIENT, "upstream_rate_limited", retry_after);
}

/// A gateway whose model responds to its n-th call with the n-th of these.
struct Gateway {
  explicit Gateway(std::vector<NextFunction> model, View config = R"({"jitter": 0})")
      : retry(h.host(), h.config(config)) {
    h.next = in_turn(std::move(model));
  }
  Harness h;
  Retry retry;

  Answer ask() { return h.ask(retry, kChat); }
  double metric(const std::string& name) { return h.metrics.at(name + R"({plugin="test"})"); }
};

// ---- Attempts
// ----------------------------------------------------------------------------------

TEST(Retry, RetriesAfterAWaitThatGrows) {
  Gateway g({fails(kError), fails(kError), events(kHello)});

  EXPECT_EQ(g.ask().events, kHello);
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{1s, 2s}));
  EXPECT_EQ(g.h.logs, (Events{R"(warn: attempt 1/3 failed: upstream_error, retrying in 1000 ms )"
                              R"({"code":"upstream_error","attempt":1,"wait_ms":1000})",
                              R"(warn: attempt 2/3 failed: upstream_error, retrying in 2000 ms )"
                              R"({"code":"upstream_error","attempt":2,"wait_ms":2000})"}));
  EXPECT_EQ(g.metric("gatehouse_retries_total"), 2);
}

TEST(Retry, GivesUpAfterTheLastAttempt) {
  Gateway g({fails(busy(7s))});

  const Answer answer = g.ask();
  EXPECT_EQ(answer.failure.code, "upstream_rate_limited");
  EXPECT_EQ(answer.failure.detail, "a detail");
  EXPECT_EQ(answer.header("Retry-After"), "7");
  EXPECT_EQ(g.h.next_calls, 3);
  EXPECT_EQ(g.h.logs.back(),
            R"(warn: attempt 3/3 failed: upstream_rate_limited, giving up: no attempts left )"
            R"({"code":"upstream_rate_limited","attempt":3})");
}

TEST(Retry, RetriesOnlyTransientFailures) {
  for (const int others : {0, int{GH_FAIL_UPSTREAM}, int{GH_FAIL_SUSPECT}}) {
    Gateway passing(
        {fails(failure(GH_FAIL_TRANSIENT | static_cast<std::uint32_t>(others), "any_code")),
         events(kHello)});
    EXPECT_EQ(passing.ask().events, kHello);
    EXPECT_EQ(passing.h.next_calls, 2);

    Gateway lasting(
        {fails(failure(static_cast<std::uint32_t>(others), "upstream_error")), events(kHello)});
    EXPECT_EQ(lasting.ask().failure.code, "upstream_error");
    EXPECT_EQ(lasting.h.next_calls, 1);
  }
}

TEST(Retry, StopsAtAFailureThatIsNotTransient) {
  Gateway g({fails(kError), fails(kRefused)});

  EXPECT_EQ(g.ask().failure.code, "upstream_refused");
  EXPECT_EQ(g.h.next_calls, 2);
  EXPECT_EQ(g.h.logs.back(),
            R"(warn: attempt 2/3 failed: upstream_refused, giving up: not retryable )"
            R"({"code":"upstream_refused","attempt":2})");
}

TEST(Retry, NeverRetriesOnceTheResponseHasBegun) {
  Gateway g({[](Exchange&, Sink& out) -> Status {
    if (Status status = out.emit(event::step_start()); !status) return status;
    return kError;
  }});

  const Answer answer = g.ask();
  EXPECT_EQ(answer.events, Events{"step-start"});
  EXPECT_EQ(answer.failure.code, "upstream_error");
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(Retry, MakesAsManyAttemptsAsConfigured) {
  Gateway g({fails(kError)}, R"({"attempts": 1})");

  g.ask();
  EXPECT_EQ(g.h.next_calls, 1);
}

// ---- Waits
// -------------------------------------------------------------------------------------

TEST(Retry, GrowsItsWaitsUpToTheMaximum) {
  Gateway g(
      {fails(kError)},
      R"({"attempts": 5, "delay": "100ms", "multiplier": 3, "max_delay": "500ms", "jitter": 0})");

  g.ask();
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{100ms, 300ms, 500ms, 500ms}));
}

TEST(Retry, NeedsADelayWithinTheMaximum) {
  Harness h;
  const Retry retry(h.host(), h.config(R"({"delay": "60s"})"));
  EXPECT_EQ(h.problems, Events{"/delay: must not be above max_delay, which is 30s"});
}

TEST(Retry, AddsJitterThatNeverShortensAWait) {
  Gateway g({fails(busy())}, R"({"attempts": 10, "multiplier": 1, "jitter": 0.5})");

  g.ask();
  ASSERT_EQ(g.h.sleeps.size(), 9u);
  EXPECT_NE(g.h.sleeps.at(0), g.h.sleeps.at(1));
  for (const auto wait : g.h.sleeps) {
    EXPECT_GE(wait, 1s);
    EXPECT_LE(wait, 1500ms);
  }
}

TEST(Retry, WaitsForTheRetryAfterOfTheUpstream) {
  Gateway g({fails(busy(59s)), fails(busy(1ns)), events(kHello)});

  EXPECT_EQ(g.ask().events, kHello);
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{59s, 1ns}));
}

TEST(Retry, GivesUpWhenTheRetryAfterIsTooLong) {
  for (const auto asked : {std::chrono::nanoseconds(5s), std::chrono::nanoseconds::max()}) {
    Gateway g({fails(busy(asked))}, R"({"max_retry_after": "5s"})");
    EXPECT_EQ(g.ask().failure.retry_after, asked);
    EXPECT_EQ(g.h.next_calls, 1);
  }
}

TEST(Retry, SpendsNoMoreThanItsBudgetOnWaits) {
  Gateway g({fails(kError)}, R"({"multiplier": 1, "attempts": 9, "budget": "2s", "jitter": 0})");

  g.ask();
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{1s, 1s}));
}

TEST(Retry, GivesUpAtOnceWhenTheDeadlineIsNear) {
  Gateway g({fails(kError)});
  Request request("POST", "/api/chat");
  request.chat = kChat;
  request.time_limit = 3s;

  EXPECT_EQ(g.h.run(g.retry, request).failure.code, "upstream_error");
  // The next wait would end at the deadline.
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{1s}));
}

TEST(Retry, StopsWaitingWhenTheClientLeaves) {
  Gateway g({fails(kError)});
  Request request("POST", "/api/chat");
  request.chat = kChat;
  request.patience = 500ms;

  EXPECT_EQ(g.h.run(g.retry, request).code, GH_STOP);
  EXPECT_EQ(g.h.next_calls, 1);
}

// ---- The circuit
// -------------------------------------------------------------------------------

constexpr View kTwoFailures = R"({"attempts": 1, "breaker": {"failures": 2, "cooldown": "10s"}})";

TEST(Retry, RejectsAtOnceAfterConsecutiveFailures) {
  Gateway g({fails(kError)}, kTwoFailures);
  EXPECT_EQ(g.metric("gatehouse_circuit_open"), 0);
  g.ask();
  g.ask();
  EXPECT_EQ(g.h.health, "down: circuit open after 2 failures in a row");
  EXPECT_EQ(g.metric("gatehouse_circuit_open"), 1);

  g.h.advance(4s);
  const Answer answer = g.ask();
  EXPECT_EQ(answer.failure.code, "upstream_unavailable");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "6");
  EXPECT_EQ(g.h.next_calls, 2);
}

TEST(Retry, LetsOneRequestProbeAfterTheCooldown) {
  Gateway g({fails(kError)}, kTwoFailures);
  g.ask();
  g.ask();
  g.h.advance(10s);
  Answer other_before, other_after;
  g.h.next = [&](Exchange&, Sink& out) -> Status {
    if (g.h.next_calls > 3) return emit(out, kHello);
    other_before = g.ask();
    if (Status status = out.emit(event::step_start()); !status) return status;
    other_after = g.ask();
    return {};
  };

  EXPECT_EQ(g.ask().events, Events{"step-start"});
  EXPECT_EQ(other_before.failure.code, "upstream_unavailable");
  EXPECT_EQ(other_after.events, kHello);
  EXPECT_EQ(g.h.health, "up");
  EXPECT_EQ(g.metric("gatehouse_circuit_open"), 0);
}

TEST(Retry, StaysOpenForAnotherCooldownWhenTheProbeFails) {
  for (const Fail& again : {kError, kSuspect}) {
    Gateway g({fails(kError), fails(kError), fails(again)},
              R"({"attempts": 1, "breaker": {"failures": 2, "cooldown": "10s"}})");
    g.ask();
    g.ask();
    g.h.advance(10s);
    g.ask();
    EXPECT_EQ(g.h.next_calls, 3);

    g.h.advance(9s);
    EXPECT_EQ(g.ask().header("Retry-After"), "1");
    EXPECT_EQ(g.h.next_calls, 3);
  }
}

TEST(Retry, StaysOpenWhenTheProbeFailsByItsOwnFault) {
  Gateway g({fails(kError), fails(kError), fails(kRefused)}, kTwoFailures);
  g.ask();
  g.ask();
  g.h.advance(10s);
  EXPECT_EQ(g.ask().failure.code, kRefused.code);
  EXPECT_EQ(g.h.health, "down: circuit open after 2 failures in a row");
  EXPECT_EQ(g.ask().failure.code, "upstream_unavailable");
}

TEST(Retry, CountsRequestsNotAttempts) {
  Gateway g({fails(kError)}, R"({"attempts": 3, "breaker": {"failures": 2}})");
  g.ask();
  EXPECT_EQ(g.h.next_calls, 3);
  EXPECT_EQ(g.h.health, "up");
  g.ask();
  EXPECT_EQ(g.h.next_calls, 6);
  EXPECT_EQ(g.h.health, "down: circuit open after 2 failures in a row");
}

/// A request of this caller, as the plugin that authenticates has set it.
Answer ask_as(Gateway& g, CallerText caller, std::string client = "192.0.2.1") {
  Request request("POST", "/api/chat");
  request.chat = kChat;
  request.client = std::move(client);
  request.caller = std::move(caller);
  return g.h.run(g.retry, request);
}

TEST(Retry, OpensTheCircuitForNoPromptOfOneCaller) {
  Gateway g({fails(kSuspect)}, kTwoFailures);
  for (int i = 0; i < 9; ++i) ask_as(g, {"a", "laptop", ""});
  EXPECT_EQ(g.h.health, "up");
  ask_as(g, {"a", "phone", ""});
  EXPECT_EQ(g.h.health, "down: circuit open after 2 failures in a row");
}

TEST(Retry, CountsACallerOnceWhateverTenantItClaims) {
  Gateway g({fails(kSuspect)}, kTwoFailures);
  for (const char* id : {"a", "b", "c"}) ask_as(g, {id, "", ""});
  EXPECT_EQ(g.h.health, "up");
}

TEST(Retry, DistinguishesUnauthenticatedCallersByTheirAddress) {
  Gateway g({fails(kSuspect)}, kTwoFailures);
  for (int i = 0; i < 9; ++i) ask_as(g, {}, "192.0.2.1");
  EXPECT_EQ(g.h.health, "up");
  ask_as(g, {}, "192.0.2.2");
  EXPECT_EQ(g.h.health, "down: circuit open after 2 failures in a row");
}

TEST(Retry, CountsACallerAgainInANewSeries) {
  Gateway g({fails(kSuspect), events(kHello), fails(kSuspect), fails(kError)}, kTwoFailures);
  for (int i = 0; i < 4; ++i) ask_as(g, {"a", "laptop", ""});
  EXPECT_EQ(g.h.health, "down: circuit open after 2 failures in a row");
}

TEST(Retry, LetsAnotherRequestProbeWhenTheFirstEndsWithoutAResult) {
  Gateway g({fails(kError), fails(kError), [](Exchange&, Sink&) { return Status(GH_STOP); },
             events(kHello)},
            kTwoFailures);
  g.ask();
  g.ask();
  g.h.advance(10s);
  EXPECT_EQ(g.ask().code, GH_STOP);
  EXPECT_EQ(g.ask().failure.code, "upstream_unavailable");

  g.h.advance(10s);
  EXPECT_EQ(g.ask().events, kHello);
}

TEST(Retry, CountsOnlyConsecutiveFailuresOfTheUpstream) {
  for (const auto& between : {events(kHello), fails(kRefused), fails(busy())}) {
    Gateway g({fails(kError), between, fails(kError), between}, kTwoFailures);
    for (int i = 0; i < 4; ++i) g.ask();
    EXPECT_EQ(g.h.health, "up");
  }
}

void expect_open_over_a_reload(const std::function<void(Retry& older, Retry& newer)>& take_over) {
  Gateway g({fails(kError)}, kTwoFailures);
  g.ask();
  g.ask();
  Retry next(g.h.host(),
             g.h.config(R"({"attempts": 1, "breaker": {"failures": 2, "cooldown": "3s"}})"));

  g.h.health = "up";
  take_over(g.retry, next);
  EXPECT_EQ(g.h.health, "down: circuit open after 2 failures in a row");
  EXPECT_EQ(g.metric("gatehouse_circuit_open"), 1);
  // No longer than the new cooldown.
  EXPECT_EQ(g.h.ask(next, kChat).header("Retry-After"), "3");
}

TEST(Retry, KeepsTheCircuitOpenOverAReload) {
  expect_open_over_a_reload([](Retry& older, Retry& newer) { newer.adopt(older); });
}

TEST(Retry, KeepsTheCircuitOpenOverAReloadWithOtherCode) {
  expect_open_over_a_reload(
      [](Retry& older, Retry& newer) { EXPECT_TRUE(newer.restore(older.save())); });
}

TEST(Retry, RestoresNoFormatThatItDoesNotKnow) {
  Gateway g({events(kHello)});
  for (const char* saved : {"", "circuit", R"({"version": 2, "failures": 9})"})
    EXPECT_FALSE(g.retry.restore(saved)) << saved;
  EXPECT_EQ(g.h.health, "up");
}

}  // namespace
}  // namespace gatehouse::plugins::retry
