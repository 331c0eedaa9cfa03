#include "models.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::models {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr View kConfig = R"({
  "names": {
    "fast": "gemini/gemini-3.8-flash",
    "smart": ["anthropic/claude-opus-5", "openai/gpt-5"],
    "gpt-*": "openai/gpt-*",
    "tuned": {"to": "gemini/g", "defaults": {"temperature": 0.2, "max_output_tokens": 9,
                                             "reasoning": {"effort": "low"}}}
  },
  "default": "fast", "breaker": {"failures": 2}})";

/// A gateway whose providers respond to the n-th call with the n-th of these.
struct Gateway {
  explicit Gateway(std::vector<NextFunction> model, View config = kConfig) {
    h.be_strict();
    models = h.create(config);
    EXPECT_EQ(h.problems, Events{});
    h.next = in_turn(std::move(model));
  }
  Answer ask(const std::string& model) {
    return h.ask(*models, R"({"model": ")" + model + R"(", "messages": []})");
  }
  /// "gemini/gemini-3.8-flash": what the chat led to at each call.
  Events led() const {
    Events out;
    for (const std::string& text : h.chats) {
      const Document chat = parse(text);
      out.push_back(std::string(chat.root()["provider"].str()) + "/" +
                    std::string(chat.root()["model"].str()));
    }
    return out;
  }

  Harness h;
  std::unique_ptr<Plugin> models;
};

Fail failure(int status, std::uint32_t flags = GH_FAIL_TRANSIENT,
             std::chrono::nanoseconds retry_after = 0ns) {
  return {status, "code_" + std::to_string(status), "No.", {}, retry_after, flags};
}
NextFunction down() { return fails(failure(503, GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM)); }

// ---- Who responds ------------------------------------------------------------------------------

TEST(Models, LeadsANameToItsTarget) {
  Gateway g({answer("Hi")});
  const Answer a = g.ask("fast");
  EXPECT_EQ(a.text, "Hi");
  EXPECT_EQ(g.led(), (Events{"gemini/gemini-3.8-flash"}));
  EXPECT_EQ(a.notes, R"({"target":"gemini/gemini-3.8-flash"})");
}

TEST(Models, TheRestOfAPatternIsPutIntoTheTarget) {
  Gateway g({answer("Hi")});
  (void)g.ask("gpt-4.1-mini");
  EXPECT_EQ(g.led(), (Events{"openai/gpt-4.1-mini"}));
}

TEST(Models, ARequestWithoutAModelGetsTheDefault) {
  Gateway g({answer("Hi")});
  (void)g.h.ask(*g.models, R"({"messages": []})");
  EXPECT_EQ(g.led(), (Events{"gemini/gemini-3.8-flash"}));

  Gateway none({answer("Hi")}, R"({"names": {"a": "p/m"}})");
  const Answer a = none.h.ask(*none.models, R"({"messages": []})");
  EXPECT_EQ(a.status, 400);
  EXPECT_EQ(a.failure.message, "The request names no model; choose one of: a");
}

TEST(Models, AnUnknownNameIsRejectedWithTheKnownOnes) {
  Gateway g({answer("Hi")});
  const Answer a = g.ask("claude");
  EXPECT_EQ(a.status, 404);
  EXPECT_EQ(a.failure.code, "model_not_found");
  EXPECT_EQ(a.failure.message, "There is no model `claude`; there are: fast, smart, gpt-*, tuned");
  EXPECT_EQ(g.h.next_calls, 0);
}

TEST(Models, DefaultsAreForWhatTheRequestDoesNotSay) {
  Gateway g({answer("Hi")});
  (void)g.h.ask(*g.models, R"({"model": "tuned", "messages": [], "temperature": 1,
                               "reasoning": {"visible": true}})");
  EXPECT_EQ(g.h.chats.at(0), R"({"model":"g","messages":[],"temperature":1,)"
                             R"("reasoning":{"visible":true,"effort":"low"},"max_output_tokens":9,)"
                             R"("provider":"gemini"})");
  (void)g.h.ask(*g.models, R"({"model": "tuned", "messages": [], "max_output_tokens": 3,
                               "temperature": 1, "reasoning": {"budget_tokens": 5}})");
  EXPECT_EQ(g.h.chats.at(1), R"({"model":"g","messages":[],"max_output_tokens":3,"temperature":1,)"
                             R"("reasoning":{"budget_tokens":5},"provider":"gemini"})");
}

// ---- Fallback ----------------------------------------------------------------------------------

TEST(Models, FallsBackWhenTheFailureIsNotTheRequestsOwn) {
  for (const int status : {404, 408, 429, 500, 502, 503, 504}) {
    Gateway g({fails(failure(status)), answer("Hi")});
    EXPECT_EQ(g.ask("smart").text, "Hi") << status;
    EXPECT_EQ(g.led(), (Events{"anthropic/claude-opus-5", "openai/gpt-5"}));
    EXPECT_EQ(g.h.logs.back(),
              R"(warn: falling back to the next target of the model {"code":"code_)" +
                  std::to_string(status) +
                  R"(","from":"anthropic/claude-opus-5","to":"openai/gpt-5"})");
  }
  for (const int status : {400, 401, 403, 413, 422}) {
    Gateway g({fails(failure(status)), answer("Hi")});
    EXPECT_EQ(g.ask("smart").status, status);
    EXPECT_EQ(g.h.next_calls, 1);
  }
}

TEST(Models, NeverFallsBackAfterAnEvent) {
  Gateway g({[](Exchange&, Sink& out) -> Status {
               if (Status s = emit(out, {"step-start", "text:Hal"}); !s) return s;
               return failure(502);
             },
             answer("Hi")});
  const Answer a = g.ask("smart");
  EXPECT_EQ(a.events, (Events{"step-start", "text:Hal"}));
  EXPECT_EQ(a.failure.code, "code_502");
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(Models, TheLastFailureIsTheOneThatTheClientGets) {
  Gateway g({fails(failure(503)), fails(failure(429, GH_FAIL_TRANSIENT, 7s))});
  const Answer a = g.ask("smart");
  EXPECT_EQ(a.status, 429);
  EXPECT_EQ(a.header("Retry-After"), "7");
  EXPECT_EQ(g.h.next_calls, 2);
}

TEST(Models, ASickTargetGetsNoRequestsUntilItsCooldownIsOver) {
  Gateway g({down(), answer("1"), down(), answer("2"), answer("3"), answer("4"), answer("5")});
  (void)g.ask("smart");
  (void)g.ask("smart");
  EXPECT_EQ(g.h.health,
            "degraded: circuit open: anthropic/claude-opus-5 after 2 failures in a row");
  EXPECT_EQ(g.ask("smart").text, "3");
  EXPECT_EQ(g.led().back(), "openai/gpt-5");
  EXPECT_EQ(g.h.next_calls, 5) << "the open circuit costs no call";

  g.h.advance(30s);
  EXPECT_EQ(g.ask("smart").text, "4");
  EXPECT_EQ(g.led().back(), "anthropic/claude-opus-5") << "the probe";
  EXPECT_EQ(g.h.health, "up");
}

TEST(Models, ARateLimitedTargetRestsAsLongAsItAsks) {
  Gateway g({fails(failure(429, GH_FAIL_TRANSIENT, 5s)), answer("1"), answer("2"), answer("3")});
  (void)g.ask("smart");
  (void)g.ask("smart");
  EXPECT_EQ(g.led().back(), "openai/gpt-5");
  EXPECT_EQ(g.h.metrics.at("gatehouse_target_rests_until_timestamp_seconds{plugin=\"test\","
                           "provider=\"anthropic\",model=\"claude-opus-5\"}"),
            1735689605)
      << "5 s after the beginning";
  g.h.advance(5s);
  (void)g.ask("smart");
  EXPECT_EQ(g.led().back(), "anthropic/claude-opus-5");
}

TEST(Models, WhenAllTargetsRestTheClientGetsTheShortestWait) {
  Gateway g(
      {fails(failure(429, GH_FAIL_TRANSIENT, 9s)), fails(failure(429, GH_FAIL_TRANSIENT, 5s))});
  (void)g.ask("smart");
  const Answer a = g.ask("smart");
  EXPECT_EQ(a.status, 503);
  EXPECT_EQ(a.failure.code, "upstream_unavailable");
  EXPECT_EQ(a.failure.flags, GH_FAIL_TRANSIENT);
  EXPECT_EQ(a.header("Retry-After"), "5");
  EXPECT_EQ(g.h.next_calls, 2);
}

TEST(Models, TheOnlyTargetOfANameEnforcesItsLimitItself) {
  Gateway g({fails(failure(429, GH_FAIL_TRANSIENT, 9s)), answer("Hi")},
            R"({"names": {"m": "a/m"}})");
  EXPECT_EQ(g.ask("m").status, 429);
  EXPECT_EQ(g.ask("m").status, 200);
}

TEST(Models, WeightsShareTheRequests) {
  Gateway g({answer("Hi")}, R"({"names": {"m": [{"target": "a/m", "weight": 3},
                                                 {"target": "b/m", "weight": 1}, "c/m"]}})");
  constexpr int kRequests = 4000;
  for (int i = 0; i < kRequests; ++i) (void)g.ask("m");
  const Events led = g.led();
  const auto share = static_cast<double>(std::count(led.begin(), led.end(), "a/m")) / kRequests;
  EXPECT_NEAR(share, 0.75, 0.05);  // more than 7 standard deviations
  EXPECT_EQ(std::count(led.begin(), led.end(), "c/m"), 0);
}

TEST(Models, ATargetWithoutAWeightIsTheLastResort) {
  Gateway g({down(), down(), answer("Hi")}, R"({"names": {"m": ["c/m",
      {"target": "a/m", "weight": 3}, {"target": "b/m", "weight": 1}]}})");
  (void)g.ask("m");
  EXPECT_EQ(g.led().back(), "c/m");
  EXPECT_EQ(g.h.next_calls, 3);
}

TEST(Models, TheNextStepGoesToTheTargetOfTheStepBefore) {
  Gateway g({down(), answer("Hi"), answer("again")});
  // Two steps of one exchange, as a tool loop above makes them.
  class Loop final : public Plugin {
   public:
    explicit Loop(Plugin& models) : models_(models) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      if (Status s = models_.handle(x, out, next); !s) return s;
      EXPECT_EQ(x.chat()["model"].str(), "smart");
      EXPECT_FALSE(x.chat()["provider"]);
      return models_.handle(x, out, next);
    }

   private:
    Plugin& models_;
  } loop(*g.models);
  EXPECT_EQ(g.h.ask(loop, R"({"model": "smart", "messages": []})").text, "Hiagain");
  EXPECT_EQ(g.led(), (Events{"anthropic/claude-opus-5", "openai/gpt-5", "openai/gpt-5"}));
}

// ---- Counts ------------------------------------------------------------------------------------

TEST(Models, CountsTokensAndCost) {
  Gateway g({events({"step-start", R"(response:{"model":"gpt-5-2025-08-07"})", "text:Hi",
                     R"(usage:{"input_tokens":10})", "step-finish:stop",
                     R"(usage:{"input_tokens":1000000,"output_tokens":500000,)"
                     R"("cached_input_tokens":400000,"reasoning_tokens":100000})"})});
  const Answer a = g.ask("gpt-5");
  const auto tokens = [&](const std::string& type) {
    return g.h.metrics.at("gatehouse_tokens_total{provider=\"openai\",model=\"gpt-5-2025-08-07\"," +
                          ("type=\"" + type + "\"}"));
  };
  EXPECT_EQ(tokens("input"), 1'000'000);
  EXPECT_EQ(tokens("cached_input"), 400'000);
  EXPECT_EQ(tokens("output"), 500'000);
  EXPECT_EQ(tokens("reasoning"), 100'000);
  const double usd = 0.6 * 1.25 + 0.4 * 0.125 + 0.5 * 10;
  EXPECT_DOUBLE_EQ(g.h.metrics.at("gatehouse_cost_usd_total{provider=\"openai\","
                                  "model=\"gpt-5-2025-08-07\"}"),
                   usd);
  EXPECT_DOUBLE_EQ(parse(a.notes).root()["cost_usd"].real(), usd);
}

TEST(Models, CountsTokensAndCostOfCallersWithAKey) {
  Gateway g({events({"step-start", R"(response:{"model":"gpt-5"})", "step-finish:stop",
                     R"(usage:{"input_tokens":1000000,"output_tokens":500000})"})});
  Request request("POST", "/v1/chat/completions");
  request.chat = R"({"model": "gpt-5", "messages": []})";
  request.caller = {"acme", "", "acme-batch"};
  (void)g.h.run(*g.models, request);
  request.caller = {"an-id", "an-id", ""};
  (void)g.h.run(*g.models, request);
  const auto& metrics = g.h.metrics;
  EXPECT_EQ(metrics.at(R"(gatehouse_caller_tokens_total{caller="acme-batch",type="input"})"), 1e6);
  EXPECT_EQ(metrics.at(R"(gatehouse_caller_tokens_total{caller="acme-batch",type="output"})"), 5e5);
  EXPECT_DOUBLE_EQ(metrics.at(R"(gatehouse_caller_cost_usd_total{caller="acme-batch"})"), 6.25);
  EXPECT_EQ(std::count_if(metrics.begin(), metrics.end(),
                          [](const auto& m) { return m.first.find("{caller=") != View::npos; }),
            3)
      << "who names itself is not counted: names that clients make up have no end";
}

TEST(Models, AChatThatIsOnlyCountedCostsNothing) {
  Gateway g({events({"step-start", R"(usage:{"input_tokens":1000000})", "step-finish:stop"})});
  const Answer a = g.h.ask(*g.models, R"({"model": "gpt-5", "messages": [], "count_only": true})");
  EXPECT_FALSE(parse(a.notes).root()["cost_usd"]);
  EXPECT_EQ(g.h.metrics.count("gatehouse_tokens_total{provider=\"openai\",model=\"gpt-5\","
                              "type=\"input\"}"),
            0u);
}

TEST(Models, AnUnknownPriceIsReportedOnce) {
  const NextFunction some =
      events({"step-start", "step-finish:stop", R"(usage:{"input_tokens":1})"});
  Gateway g({some, some}, R"({"names": {"m": "p/nobody-1"}})");
  (void)g.ask("m");
  const Answer a = g.ask("m");
  EXPECT_EQ(g.h.logs, (Events{"warn: no price for nobody-1: its tokens are counted, its cost is "
                              "not; add it to the file of `prices`"}));
  EXPECT_EQ(g.h.metrics.at("gatehouse_tokens_total{provider=\"p\",model=\"nobody-1\","
                           "type=\"input\"}"),
            2);
  EXPECT_FALSE(parse(a.notes).root()["cost_usd"]);
}

TEST(Models, PutsThePriceIntoTheChatDocumentWhileAModelIsCalled) {
  Gateway g({answer("Hi")});
  EXPECT_EQ(g.ask("gpt-4.1").text, "Hi");
  const Document during = parse(g.h.chats.at(0));
  EXPECT_EQ(during.root()["price"]["input"].real(), 2) << "US dollars per million tokens";
  EXPECT_EQ(during.root()["price"]["output"].real(), 8);
  EXPECT_EQ(g.ask("gpt-unknown").text, "Hi");
  EXPECT_FALSE(parse(g.h.chats.at(1)).root()["price"]);
}

TEST(Models, LeavesNoPriceInTheChatDocument) {
  Gateway g({down(), answer("Hi")}, R"({"names": {"m": ["openai/gpt-4.1", "openai/none"]}})");
  EXPECT_EQ(g.ask("m").text, "Hi");
  EXPECT_TRUE(parse(g.h.chats.at(0)).root()["price"]);
  EXPECT_FALSE(parse(g.h.chats.at(1)).root()["price"]) << "that of the target before";
}

// ---- The list, and the configuration -----------------------------------------------------------

TEST(Models, ListsTheNamesForClientsOfBothApis) {
  Gateway g({}, R"({"names": {"a": "p/m", "b-*": "p/*"}})");
  EXPECT_EQ(g.h.get(*g.models, "/v1/models").body,
            R"({"object":"list","data":[{"id":"a","object":"model","created":0,)"
            R"("owned_by":"gatehouse"}]})");
  EXPECT_EQ(g.h.get(*g.models, "/v1/models", {{"anthropic-version", "2023-06-01"}}).body,
            R"({"data":[{"type":"model","id":"a","display_name":"a",)"
            R"("created_at":"1970-01-01T00:00:00Z"}],"has_more":false,"first_id":"a",)"
            R"("last_id":"a"})");
}

TEST(Models, DescribesOneModelForClientsOfBothApis) {
  Gateway g({}, R"({"names": {"team/a": "p/m", "b-*": "p/*"}})");
  EXPECT_EQ(g.h.get(*g.models, "/v1/models/team%2Fa").body,
            R"({"id":"team/a","object":"model","created":0,"owned_by":"gatehouse"})");
  EXPECT_EQ(g.h.get(*g.models, "/v1/models/b-1", {{"anthropic-version", "2023-06-01"}}).body,
            R"({"type":"model","id":"b-1","display_name":"b-1",)"
            R"("created_at":"1970-01-01T00:00:00Z"})");
  EXPECT_EQ(g.h.get(*g.models, "/v1/models/c").failure.code, "model_not_found");
  EXPECT_EQ(g.h.get(*g.models, "/v1/models/b-1", {{"anthropic-version", "1"}}).header("request-id"),
            "request-1");
}

TEST(Models, ReportsMistakesOfTheConfiguration) {
  Harness h;
  (void)h.create(R"({"names": {"a/b": "openai", "c": "p/*", "d": ["p/m", "/m"]},
                     "default": "e"})");
  EXPECT_EQ(h.problems,
            (Events{"/names/a~1b: `openai` is no target: write PROVIDER/MODEL, such as "
                    "openai/gpt-4.1",
                    "/names/c: `p/*` has a `*`, but the name that leads to it has none",
                    "/names/d: `/m` is no target: write PROVIDER/MODEL, such as openai/gpt-4.1",
                    "/default: must be one of names: add it there, or choose one of them"}));
}

TEST(Models, ReadsThePricesAgainWhenTheFileChanges) {
  Harness h;
  h.files["p.json"] = R"({"models": {"m": {"input": 1, "output": 1}}})";
  const auto models = h.create(R"({"names": {"m": "p/m"}, "prices": "p.json"})");
  const auto usd = [&] {
    h.next = events({"step-start", "step-finish:stop", R"(usage:{"input_tokens":1000000})"});
    return parse(h.ask(*models, R"({"model": "m", "messages": []})").notes)
        .root()["cost_usd"]
        .real();
  };
  EXPECT_EQ(usd(), 1);
  h.files["p.json"] = R"({"models": {"m": {"input": 3, "output": 1}}})";
  h.run_background(0, 1);
  EXPECT_EQ(usd(), 3);
  h.files["p.json"] = R"({"models": 7})";
  h.run_background(0, 1);
  EXPECT_EQ(usd(), 3);
  EXPECT_EQ(h.logs.back().substr(0, 62),
            "error: prices not reloaded, the previous ones stay in use: p.j");
}

/// The circuit of one target is open and the other rests, for the newer instance as well.
void expect_kept(const std::function<void(Models& older, Models& newer)>& take_over) {
  constexpr View kTwo = R"({"names": {"m": ["p/m", "q/m"]}, "breaker": {"failures": 1}})";
  constexpr View kChat = R"({"model": "m", "messages": []})";
  Harness h;
  h.next = in_turn({down(), fails(failure(429, GH_FAIL_TRANSIENT, 5s)), answer("Hi")});
  Models older(h.host(), h.config(kTwo)), newer(h.host(), h.config(kTwo));
  (void)h.ask(older, kChat);
  take_over(older, newer);
  const Answer a = h.ask(newer, kChat);
  EXPECT_EQ(a.failure.code, "upstream_unavailable");
  EXPECT_EQ(a.header("Retry-After"), "5");
  EXPECT_EQ(h.next_calls, 2);
}

TEST(Models, TargetsKeepTheirCircuitsAndRestsOverAReload) {
  expect_kept([](Models& older, Models& newer) { newer.adopt(older); });
}

TEST(Models, TargetsKeepTheirCircuitsAndRestsOverAReloadWithOtherCode) {
  expect_kept([](Models& older, Models& newer) { EXPECT_TRUE(newer.restore(older.save())); });
}

TEST(Models, RestoresNoFormatThatItDoesNotKnow) {
  Harness h;
  Models models(h.host(), h.config(kConfig));
  for (const char* saved : {"", "targets", R"({"version": 2, "targets": []})"})
    EXPECT_FALSE(models.restore(saved)) << saved;
}

}  // namespace
}  // namespace gatehouse::plugins::models
