// What gatehouse/testing.hpp promises to the tests of plugins.
#include <gtest/gtest.h>

#include <thread>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using namespace testing;

class PassesOn final : public Plugin {
 public:
  Status handle(Exchange& x, Sink& out, Next& next) override { return next(x, out); }
};

/// Asks an upstream and passes the data of its events on as text.
class Asks final : public Plugin {
 public:
  explicit Asks(Host host) : http_(host, {"http://model.test/v1", 1s, 2s, 3s}, "/base_url") {}

  Status handle(Exchange& x, Sink& out, Next&) override {
    auto answer = http_.send(x, "POST", "/ask", {{"X-Key", "k"}}, "body");
    if (!answer) return answer.error();
    for (;;) {
      auto e = answer->next_event();
      if (!e) return e.error();
      if (!*e) return {};
      const std::string line = std::string(view((*e)->event)) + "|" + std::string(view((*e)->data)) + "|" + std::string(view((*e)->id));
      if (Status status = out.emit(event::text(line)); !status) return status;
    }
  }

 private:
  Http http_;
};

class Sleeps final : public Plugin {
 public:
  explicit Sleeps(Host host) : host_(host) {}
  Status handle(Exchange& x, Sink& out, Next& next) override {
    if (Status status = host_.sleep(x, 5s); !status) return status;
    return next(x, out);
  }

 private:
  Host host_;
};

TEST(Harness, WritesAndReadsEveryKindOfEventAsText) {
  const Events all = {"bytes+last:{\"a\":1}",
                      "step-start",
                      "text:a: b",
                      "text#block:a @{\"google\":{\"thoughtSignature\":\"s\"}}",
                      "reasoning:",
                      "tool-input-start+dynamic:id:name",
                      "tool-input-delta:id:{\"q\":",
                      "tool-call:id:name:{\"q\":[1,0.5,null]} @{\"google\":{}}",
                      "tool-call-error+dynamic:id:name:no: such tool:{}",
                      "tool-output+dynamic+preliminary:id:[true]",
                      "tool-output-error+provider-executed:id:why: not",
                      "source:id:Title:https://example.org/a",
                      "source:id::https://example.org/a",
                      "file:image/png:AAAA",
                      "usage:{\"input_tokens\":3}",
                      "step-finish:tool-calls"};
  Harness h;
  h.next = events(all);
  PassesOn plugin;
  EXPECT_EQ(h.ask(plugin, "{}").events, all);
}

TEST(Harness, RefusesAnEventThatIsMiswritten) {
  for (const char* line : {"", "txt:a", "text+fast:a", "tool-call:id", "tool-call-error:id:name:why"})
    EXPECT_THROW(events({line}), std::invalid_argument) << line;
}

TEST(Harness, AnswersAsTheAltitudeWants) {
  Harness h;
  h.next = answer("hi");
  PassesOn plugin;
  EXPECT_EQ(h.get(plugin, "/").events, (Events{"bytes+last:hi"}));
  EXPECT_EQ(h.ask(plugin, "{}").events, (Events{"step-start", "text:hi", "step-finish:stop"}));
}

TEST(Harness, EndsThePipelineWith404) {
  Harness h;
  PassesOn plugin;
  EXPECT_EQ(h.get(plugin, "/nowhere").status, 404);
}

TEST(Harness, KeepsWhatEachCallOfNextSaw) {
  Harness h;
  PassesOn plugin;
  h.get(plugin, "/");
  h.ask(plugin, R"({"model":"m"})");
  EXPECT_EQ(h.next_calls, 2);
  EXPECT_EQ(h.chats, (std::vector<std::string>{R"({"model":"m"})"}));
}

TEST(Harness, GivesTheRequestAsItCame) {
  Harness h;
  const auto seen = [&](Exchange& x, Sink&) -> Status {
    EXPECT_EQ(x.method(), "PUT");
    EXPECT_EQ(x.path(), "/a");
    EXPECT_EQ(x.query(), "b=c");
    EXPECT_EQ(x.header("x-many"), "1, 2");
    EXPECT_EQ(x.header("x-none").data(), nullptr);
    EXPECT_NE(x.header("x-empty").data(), nullptr);
    EXPECT_EQ(*x.body(), R"({"d":1})");
    EXPECT_EQ((*x.json())["d"].integer(), 1);
    return {};
  };
  h.next = seen;
  PassesOn plugin;
  Request r("PUT", "/a?b=c");
  r.headers = {{"X-Many", "1"}, {"X-Empty", ""}, {"X-MANY", "2"}};
  r.body = R"({"d":1})";
  EXPECT_EQ(h.run(plugin, r).code, GH_OK);
}

TEST(Harness, FailsARequestWhoseBodyIsNoJson) {
  Harness h;
  h.next = [](Exchange& x, Sink&) {
    auto body = x.json();
    return body ? Status() : body.error();
  };
  PassesOn plugin;
  EXPECT_EQ(h.post(plugin, "/", "{").status, 400);
}

TEST(Harness, KnowsTheRouteThatWasClaimed) {
  Harness h;
  EXPECT_EQ(h.host().route("GET", "/a"), 0);
  EXPECT_EQ(h.host().route("GET", "/b"), 1);
  int route = 7;
  h.next = [&](Exchange& x, Sink&) {
    route = x.route();
    return Status();
  };
  PassesOn plugin;
  h.get(plugin, "/b?x");
  EXPECT_EQ(route, 1);
  h.post(plugin, "/b", "");
  EXPECT_EQ(route, -1);
}

TEST(Harness, TakesNoHeaderOnceTheHeadHasLeftAndNoneThatIsIllegal) {
  Harness h;
  h.next = [](Exchange& x, Sink& out) {
    x.set_header("X-Once", "1");
    x.set_header("x-once", "2");
    x.set_header("X-Split", "a\r\nX-Evil: 1");
    x.set_header("X Space", "1");
    Status status = x.reply(out, 201, "text/plain", "body");
    x.set_header("X-Late", "1");
    x.set_status(500);
    EXPECT_TRUE(x.committed());
    return status;
  };
  PassesOn plugin;
  const Answer answer = h.get(plugin, "/");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.headers, (Headers{{"X-Once", "2"}, {"Content-Type", "text/plain"}}));
}

TEST(Harness, LeavesTheStatusOfAnAnswerThatHadBegun) {
  Harness h;
  h.next = [](Exchange&, Sink& out) -> Status {
    if (Status status = out.emit(event::bytes("half")); !status) return status;
    return Fail{502, "upstream_broken", "The upstream broke off.", {}};
  };
  PassesOn plugin;
  const Answer answer = h.get(plugin, "/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.failure.code, "upstream_broken");
  EXPECT_FALSE(answer.complete);
}

TEST(Harness, PlaysAClientThatLeavesAfterSomeEvents) {
  Harness h;
  h.next = events({"text:a", "text:b", "text:c"});
  PassesOn plugin;
  Request r("POST", "/api/chat");
  r.chat = "{}";
  r.leaves_after = 2;
  const Answer answer = h.run(plugin, r);
  EXPECT_EQ(answer.code, GH_STOP);
  EXPECT_EQ(answer.text, "ab");
}

TEST(Harness, MovesItsClockOnlyWhenSomeoneWaits) {
  Harness h;
  Sleeps plugin(h.host());
  const auto start = h.host().now();
  h.get(plugin, "/");
  EXPECT_EQ(h.host().now() - start, 5s);
  h.advance(1s);
  EXPECT_EQ(h.host().now() - start, 6s);
  EXPECT_EQ(h.sleeps, (std::vector<std::chrono::nanoseconds>{5s}));
}

TEST(Harness, WakesASleeperWhenTheClientLeavesOrTimeIsUp) {
  Harness h;
  Sleeps plugin(h.host());
  const auto start = h.host().now();
  Request impatient("GET", "/");
  impatient.patience = 2s;
  EXPECT_EQ(h.run(plugin, impatient).code, GH_STOP);
  EXPECT_EQ(h.host().now() - start, 2s);
  Request limited("GET", "/");
  limited.time_limit = 1s;
  EXPECT_EQ(h.run(plugin, limited).status, 504);
  EXPECT_EQ(h.host().now() - start, 3s);
}

TEST(Harness, WritesDownLogsProblemsAndHealth) {
  Harness h;
  h.host().warn("no answer", h.config(R"({"attempt":2})"));
  h.host().problem("/limit", "must be positive");
  h.host().health(GH_DEGRADED, "no connection");
  EXPECT_EQ(h.logs, (std::vector<std::string>{R"(warn: no answer {"attempt":2})"}));
  EXPECT_EQ(h.problems, (std::vector<std::string>{"/limit: must be positive"}));
  EXPECT_EQ(h.health, "degraded: no connection");
}

TEST(Harness, ServesManyThreadsAtOnce) {
  Harness h;
  h.next = answer("hi");
  Sleeps plugin(h.host());
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back([&] { EXPECT_EQ(h.ask(plugin, "{}").text, "hi"); });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(h.next_calls, 4);
  EXPECT_EQ(h.sleeps.size(), 4u);
}

TEST(Harness, RecordsWhatIsSentUpstream) {
  Harness h;
  Asks plugin(h.host());
  h.upstream.push(reply(200, ""));
  h.ask(plugin, "{}");
  const auto& sent = h.upstream.requests.at(0);
  EXPECT_EQ(sent.base_url, "http://model.test/v1");
  EXPECT_EQ(sent.method + " " + sent.path, "POST /ask");
  EXPECT_EQ(sent.header("x-key"), "k");
  EXPECT_EQ(sent.body, "body");
  EXPECT_EQ(sent.first_byte, 2s);
  EXPECT_TRUE(sent.read_to_end);
  EXPECT_TRUE(sent.closed);
}

TEST(Harness, ReadsServerSentEventsAcrossPieces) {
  Harness h;
  Asks plugin(h.host());
  h.upstream.push(
      {200, {}, {": note\r", "\ndata: on", "e\r\ndata:two\r\rid: 7\nevent: x\n", "data: {}\n\n", "data: not ended"}, GH_ABSENT, {}});
  EXPECT_EQ(h.ask(plugin, "{}").events, (Events{"text:|one\ntwo|", "text:x|{}|7"}));
}

TEST(Harness, BreaksAnUpstreamAnswerOff) {
  Harness h;
  Asks plugin(h.host());
  h.upstream.push(broken(sse({"one"})));
  const Answer answer = h.ask(plugin, "{}");
  EXPECT_EQ(answer.text, "|one|");
  EXPECT_EQ(answer.failure.code, "upstream_broken");
  EXPECT_FALSE(h.upstream.requests.at(0).read_to_end);
}

TEST(Harness, FailsARequestThatTheUpstreamDoesNotAnswer) {
  Harness h;
  Asks plugin(h.host());
  h.upstream.push(no_reply({504, "upstream_timeout", "The model did not answer in time.", {}}));
  EXPECT_EQ(h.ask(plugin, "{}").failure.code, "upstream_timeout");
  EXPECT_EQ(h.ask(plugin, "{}").failure.code, "upstream_unreachable");
}

TEST(Harness, LetsTheClientLeaveWhileThePluginReads) {
  Harness h;
  Asks plugin(h.host());
  Reply r = sse({"one"});
  r.end = GH_STOP;
  h.upstream.push(r);
  EXPECT_EQ(h.ask(plugin, "{}").code, GH_STOP);
  EXPECT_FALSE(h.upstream.requests.at(0).read_to_end);
}

TEST(Harness, FindsABaseUrlThatIsNone) {
  Harness h;
  const Http http(h.host(), {"ftp://model.test", 1s, 1s, 1s}, "/base_url");
  ASSERT_EQ(h.problems.size(), 1u);
  EXPECT_EQ(h.problems[0].rfind("/base_url: ", 0), 0u);
}

}  // namespace
}  // namespace gatehouse
