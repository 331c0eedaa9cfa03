#include "retry.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr View kChat = R"({"model": "m", "messages": []})";
const Events kHello = {"step-start", "text:Hello", "step-finish:stop"};

Fail failure(int http_status, std::string code, std::chrono::nanoseconds retry_after = 0ns) {
  return {http_status, std::move(code), "No.", "a detail", retry_after};
}
const Fail kError = failure(502, "upstream_error");
const Fail kRefused = failure(502, "upstream_refused");

/// A gateway whose model answers its n-th call with the n-th of these.
struct Gateway {
  explicit Gateway(std::vector<NextFunction> model, View config = R"({"jitter": 0})") : retry(h.host(), h.config(config)) {
    h.next = in_turn(std::move(model));
  }
  Harness h;
  Retry retry;

  Answer ask() { return h.ask(retry, kChat); }
  double metric(const std::string& name) { return h.metrics.at(name + R"({plugin="test"})"); }
};

// ---- Attempts --------------------------------------------------------------------------------------------------------

TEST(Retry, AsksAgainAfterAWaitThatGrows) {
  Gateway g({fails(kError), fails(kError), events(kHello)});

  EXPECT_EQ(g.ask().events, kHello);
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{1s, 2s}));
  EXPECT_EQ(
      g.h.logs,
      (Events{R"(warn: attempt 1/3 failed: upstream_error, retrying in 1000 ms {"code":"upstream_error","attempt":1,"wait_ms":1000})",
              R"(warn: attempt 2/3 failed: upstream_error, retrying in 2000 ms {"code":"upstream_error","attempt":2,"wait_ms":2000})"}));
  EXPECT_EQ(g.metric("gatehouse_retries_total"), 2);
}

TEST(Retry, GivesUpAfterTheLastAttempt) {
  Gateway g({fails(failure(429, "upstream_rate_limited", 7s))});

  const Answer answer = g.ask();
  EXPECT_EQ(answer.failure.code, "upstream_rate_limited");
  EXPECT_EQ(answer.failure.detail, "a detail");
  EXPECT_EQ(answer.header("Retry-After"), "7");
  EXPECT_EQ(g.h.next_calls, 3);
  EXPECT_EQ(
      g.h.logs.back(),
      R"(warn: attempt 3/3 failed: upstream_rate_limited, giving up: it was the last one {"code":"upstream_rate_limited","attempt":3})");
}

TEST(Retry, AsksAgainOnlyAfterFailuresThatMayPass) {
  const std::vector<std::pair<Fail, int>> table = {{failure(502, "upstream_unreachable"), 2},
                                                   {failure(502, "upstream_broken"), 2},
                                                   {failure(504, "upstream_timeout"), 2},
                                                   {failure(429, "upstream_rate_limited"), 2},
                                                   {failure(503, "upstream_unavailable"), 2},
                                                   {failure(502, "upstream_error"), 2},
                                                   {failure(503, "of_another_provider"), 2},
                                                   {failure(408, "slow"), 2},
                                                   {failure(409, "conflict"), 2},
                                                   {failure(502, "upstream_refused"), 1},
                                                   {failure(502, "upstream_key_refused"), 1},
                                                   {failure(502, "upstream_model_unknown"), 1},
                                                   {failure(502, "upstream_malformed"), 1},
                                                   {failure(500, "plugin_error"), 1},
                                                   {failure(400, "invalid_model"), 1}};
  for (const auto& [fail, calls] : table) {
    Gateway g({fails(fail), events(kHello)});
    g.ask();
    EXPECT_EQ(g.h.next_calls, calls) << fail.code;
  }
}

TEST(Retry, StopsAtAFailureThatWillNotPass) {
  Gateway g({fails(kError), fails(kRefused)});

  EXPECT_EQ(g.ask().failure.code, "upstream_refused");
  EXPECT_EQ(g.h.next_calls, 2);
}

TEST(Retry, NeverAsksAgainOnceTheAnswerHasBegun) {
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

// ---- Waits -----------------------------------------------------------------------------------------------------------

TEST(Retry, GrowsItsWaitsUpToTheMaximum) {
  Gateway g({fails(kError)}, R"({"attempts": 5, "delay": "100ms", "multiplier": 3, "max_delay": "500ms", "jitter": 0})");

  g.ask();
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{100ms, 300ms, 500ms, 500ms}));
}

TEST(Retry, MakesWaitsLongerByLotButNeverShorter) {
  Gateway g({fails(failure(429, "upstream_rate_limited"))}, R"({"attempts": 10, "multiplier": 1, "jitter": 0.5})");

  g.ask();
  ASSERT_EQ(g.h.sleeps.size(), 9u);
  EXPECT_NE(g.h.sleeps.at(0), g.h.sleeps.at(1));
  for (const auto wait : g.h.sleeps) {
    EXPECT_GE(wait, 1s);
    EXPECT_LE(wait, 1500ms);
  }
}

TEST(Retry, WaitsAsLongAsTheUpstreamAsks) {
  Gateway g({fails(failure(429, "upstream_rate_limited", 59s)), fails(failure(503, "upstream_unavailable", 1ns)), events(kHello)});

  EXPECT_EQ(g.ask().events, kHello);
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{59s, 1ns}));
}

TEST(Retry, DoesNotWaitWhenTheUpstreamAsksForTooLong) {
  for (const auto asked : {std::chrono::nanoseconds(5s), std::chrono::nanoseconds::max()}) {
    Gateway g({fails(failure(429, "upstream_rate_limited", asked))}, R"({"max_retry_after": "5s"})");
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
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{1s}));  // the next would end at the deadline
}

TEST(Retry, StopsWaitingWhenTheClientLeaves) {
  Gateway g({fails(kError)});
  Request request("POST", "/api/chat");
  request.chat = kChat;
  request.patience = 500ms;

  EXPECT_EQ(g.h.run(g.retry, request).code, GH_STOP);
  EXPECT_EQ(g.h.next_calls, 1);
}

// ---- Empty answers ---------------------------------------------------------------------------------------------------

const Events kEmpty = {"step-start", "usage:{\"input_tokens\":3}", "step-finish:stop"};
constexpr View kRetryEmpty = R"({"retry_empty": true})";

TEST(Retry, PassesEmptyAnswersOnUnlessToldOtherwise) {
  Gateway g({events(kEmpty), events(kHello)});
  EXPECT_EQ(g.ask().events, kEmpty);
}

TEST(Retry, AsksAgainAfterAnEmptyAnswerIfToldTo) {
  Gateway g({events(kEmpty), events(kHello)}, kRetryEmpty);
  EXPECT_EQ(g.ask().events, kHello);
}

TEST(Retry, TurnsAnAnswerThatStaysEmptyIntoAFailure) {
  Gateway g({events(kEmpty)}, kRetryEmpty);

  const Answer answer = g.ask();
  EXPECT_EQ(answer.failure.code, "empty_answer");
  EXPECT_TRUE(answer.events.empty());
  EXPECT_EQ(g.h.next_calls, 3);
}

TEST(Retry, TakesAnEmptyAnswerThatWouldBeNoOtherNextTime) {
  for (const char* reason : {"content-filter", "length"}) {
    const Events empty = {"step-start", "usage:{\"input_tokens\":3}", std::string("step-finish:") + reason};
    Gateway g({events(empty)}, kRetryEmpty);
    EXPECT_EQ(g.ask().events, empty);
  }
}

TEST(Retry, HoldsBackNothingOfAnAnswerThatHasContent) {
  const Events full = {"step-start", "usage:{\"input_tokens\":3}", "reasoning:Hm",
                       "text:Hi",    "usage:{\"input_tokens\":4}", "step-finish:stop"};
  Gateway g({events(full)}, kRetryEmpty);
  EXPECT_EQ(g.ask().events, full);
}

// ---- The circuit -----------------------------------------------------------------------------------------------------

constexpr View kTwoFailures = R"({"attempts": 1, "breaker": {"failures": 2, "cooldown": "10s"}})";

TEST(Retry, RefusesAtOnceAfterFailuresInARow) {
  Gateway g({fails(kError)}, kTwoFailures);
  EXPECT_EQ(g.metric("gatehouse_circuit_open"), 0);
  g.ask();
  g.ask();
  EXPECT_EQ(g.h.health, "down: the circuit is open: 2 failures in a row");
  EXPECT_EQ(g.metric("gatehouse_circuit_open"), 1);

  g.h.advance(4s);
  const Answer answer = g.ask();
  EXPECT_EQ(answer.failure.code, "upstream_unavailable");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "6");
  EXPECT_EQ(g.h.next_calls, 2);
}

TEST(Retry, LetsOneRequestFindOutAfterTheCooldown) {
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

TEST(Retry, StaysOpenForAnotherCooldownWhenThatRequestFails) {
  Gateway g({fails(kError)}, R"({"attempts": 3, "breaker": {"failures": 2, "cooldown": "10s"}})");
  g.ask();
  EXPECT_EQ(g.h.next_calls, 2);  // the circuit opened before the third attempt
  g.h.advance(10s);
  g.ask();
  EXPECT_EQ(g.h.next_calls, 3);

  g.h.advance(9s);
  EXPECT_EQ(g.ask().header("Retry-After"), "1");
  EXPECT_EQ(g.h.next_calls, 3);
}

TEST(Retry, LetsAnotherRequestFindOutWhenTheFirstNeverSays) {
  Gateway g({fails(kError), fails(kError), [](Exchange&, Sink&) { return Status(GH_STOP); }, events(kHello)}, kTwoFailures);
  g.ask();
  g.ask();
  g.h.advance(10s);
  EXPECT_EQ(g.ask().code, GH_STOP);
  EXPECT_EQ(g.ask().failure.code, "upstream_unavailable");

  g.h.advance(10s);
  EXPECT_EQ(g.ask().events, kHello);
}

TEST(Retry, CountsOnlyFailuresInARowThatSpeakAgainstTheUpstream) {
  for (const auto& between : {events(kHello), fails(kRefused), fails(failure(429, "upstream_rate_limited"))}) {
    Gateway g({fails(kError), between, fails(kError), between}, kTwoFailures);
    for (int i = 0; i < 4; ++i) g.ask();
    EXPECT_EQ(g.h.health, "up");
  }
}

TEST(Retry, MindsNoNumberOfEmptyAnswers) {
  Gateway g({events(kEmpty)}, R"({"retry_empty": true, "breaker": {"failures": 2}})");
  g.ask();
  EXPECT_EQ(g.h.health, "up");
}

TEST(Retry, KeepsTheCircuitOpenOverAReload) {
  Gateway g({fails(kError)}, kTwoFailures);
  g.ask();
  g.ask();
  Retry next(g.h.host(), g.h.config(R"({"attempts": 1, "breaker": {"failures": 2, "cooldown": "3s"}})"));

  g.h.health = "up";
  next.adopt(g.retry);
  EXPECT_EQ(g.h.health, "down: the circuit is open: 2 failures in a row");
  EXPECT_EQ(g.metric("gatehouse_circuit_open"), 1);
  EXPECT_EQ(g.h.ask(next, kChat).header("Retry-After"), "3");  // no longer than the new cooldown
}

}  // namespace
}  // namespace gatehouse
