// What gatehouse/testing.hpp promises to the tests of plugins.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

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
      const std::string line = std::string(view((*e)->event)) + "|" +
                               std::string(view((*e)->data)) + "|" + std::string(view((*e)->id));
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

/// Does what the test says, as the last of the pipeline.
class Does final : public Plugin {
 public:
  explicit Does(NextFunction handle) : handle_(std::move(handle)) {}
  Status handle(Exchange& x, Sink& out, Next&) override { return handle_(x, out); }

 private:
  NextFunction handle_;
};

/// A request in which to call what needs one.
void in_request(Harness& h, const std::function<void(Exchange&, Sink&)>& body,
                const Request& request = Request("GET", "/")) {
  Does plugin([&](Exchange& x, Sink& out) {
    body(x, out);
    return Status();
  });
  EXPECT_EQ(h.run(plugin, request).failure.detail, "");  // an exception ends up there
}

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
                      "file:image/png:AAAA @{\"google\":{}}",
                      "usage:{\"input_tokens\":3}",
                      "step-finish:tool-calls",
                      "tool-approval+dynamic:id:question",
                      "tool-denied+dynamic:id",
                      "data:search-suggestions:{\"html\":\"<b>\"}",
                      "response:{\"model\":\"m\"}"};
  Harness h;
  h.next = events(all);
  PassesOn plugin;
  EXPECT_EQ(h.ask(plugin, "{}").events, all);
}

TEST(Harness, RefusesAnEventThatIsMiswritten) {
  for (const char* line :
       {"", "txt:a", "text+fast:a", "tool-call:id", "tool-call-error:id:name:why"})
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
  r.headers = {
      {"X-Many", "1"}, {"X-Empty", ""}, {"X-MANY", "2"}, {"Content-Type", "application/json"}};
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

TEST(Harness, GivesTheBytesOfABodyBackWithJsonUnlessTheyWereAskedForBefore) {
  Harness h;
  PassesOn plugin;
  h.next = [](Exchange& x, Sink&) -> Status {
    EXPECT_TRUE(x.json());
    EXPECT_EQ(x.body().error().code(), GH_ABSENT);
    return {};
  };
  EXPECT_EQ(h.post(plugin, "/", "{}").code, GH_OK);
  h.next = [](Exchange& x, Sink&) -> Status {
    EXPECT_TRUE(x.body());
    EXPECT_TRUE(x.json());
    EXPECT_EQ(*x.body(), "{}");
    return {};
  };
  EXPECT_EQ(h.post(plugin, "/", "{}").code, GH_OK);
}

TEST(Harness, RefusesABodyThatSaysItIsNoJson) {
  const struct {
    Headers headers;
    bool accepted;
  } cases[] = {
      {{{"Content-Type", "application/json"}}, true},
      {{{"Content-Type", "APPLICATION/JSON ; version=1; CHARSET=\"UTF-8\""}}, true},
      {{{"Content-Type", "application/json"}, {"Content-Encoding", "identity"}}, true},
      {{{"Content-Type", "application/json; charset=utf-16"}}, false},
      {{{"Content-Type", "application/json-seq"}}, false},
      {{{"Content-Type", "application/ld+json"}}, false},
      {{{"Content-Type", "text/plain"}}, false},
      {{}, false},
      {{{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}, false},
  };
  Harness h;
  Does plugin([](Exchange& x, Sink&) {
    auto body = x.json();
    return body ? Status() : body.error();
  });
  for (const auto& c : cases) {
    Request r("POST", "/");
    r.headers = c.headers;
    r.body = "{}";
    const Answer answer = h.run(plugin, r);
    EXPECT_EQ(answer.failure.code, c.accepted ? "" : "unsupported_media_type")
        << ::testing::PrintToString(c.headers);
    EXPECT_EQ(answer.status, c.accepted ? 200 : 415);
  }
}

TEST(Harness, PostsJsonUnlessTheTestSaysOtherwise) {
  Harness h;
  std::string type;
  Does plugin([&](Exchange& x, Sink&) {
    type = x.header("Content-Type");
    return Status();
  });
  h.post(plugin, "/", "{}");
  EXPECT_EQ(type, "application/json");
  h.post(plugin, "/", "{}", {{"content-type", "text/plain"}});
  EXPECT_EQ(type, "text/plain");
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

  EXPECT_EQ(h.host().route("GET", "/b/*/c"), 2);
  h.get(plugin, "/b/1/2/c");
  EXPECT_EQ(route, 2);
  h.get(plugin, "/b/c");
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

TEST(Harness, TakesHeadersUntilTheHostWaits) {
  Harness h;
  Does plugin([&](Exchange& x, Sink& out) {
    Status status = out.emit(event::bytes("half"));
    x.set_status(500);
    x.set_header("X-Before", "1");
    status = h.host().sleep(x, 1s);
    x.set_header("X-After", "1");
    return status;
  });
  const Answer answer = h.get(plugin, "/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers, (Headers{{"X-Before", "1"}}));
}

TEST(Harness, TellsTheClientWhenToAskAgain) {
  Harness h;
  const auto headers = [&h](NextFunction handle) {
    Does plugin(std::move(handle));
    return h.get(plugin, "/").header("Retry-After");
  };
  EXPECT_EQ(headers(fails({429, "rate_limited", "Slow down.", {}, 1500ms})), "2");
  EXPECT_EQ(headers(fails({429, "rate_limited", "Slow down.", {}})), "");
  EXPECT_EQ(headers([](Exchange&, Sink& out) -> Status {
              if (Status status = out.emit(event::bytes("half")); !status) return status;
              return Fail{502, "upstream_broken", "The upstream broke off.", {}, 1500ms};
            }),
            "");
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
  h.host().warning("/model", "ends soon");
  h.host().health(GH_DEGRADED, "no connection");
  EXPECT_EQ(h.logs, (std::vector<std::string>{R"(warn: no answer {"attempt":2})"}));
  EXPECT_EQ(h.problems, (std::vector<std::string>{"/limit: must be positive"}));
  EXPECT_EQ(h.warnings, (std::vector<std::string>{"/model: ends soon"}));
  EXPECT_EQ(h.health, "degraded: no connection");
}

TEST(Harness, KeepsNoLogRecordBelowItsLevel) {
  Harness h;
  EXPECT_TRUE(h.host().logs(GH_DEBUG));
  h.log_level = GH_WARN;
  EXPECT_FALSE(h.host().logs(GH_INFO));
  EXPECT_TRUE(h.host().logs(GH_WARN));
  h.host().info("too much");
  h.host().error("no answer");
  h.host().log_text(GH_WARN, nullptr, "slow", R"({"ms":7})");
  EXPECT_EQ(h.logs, (std::vector<std::string>{"error: no answer", R"(warn: slow {"ms":7})"}));
}

TEST(Harness, ServesManyThreadsAtOnce) {
  Harness h;
  h.next = answer("hi");
  Sleeps plugin(h.host());
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&] { EXPECT_EQ(h.ask(plugin, "{}").text, "hi"); });
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
  h.upstream.push({200,
                   {},
                   {": note\r", "\ndata: on", "e\r\ndata:two\r\rid: 7\nevent: x\n", "data: {}\n\n",
                    "data: not ended"},
                   GH_ABSENT,
                   {}});
  EXPECT_EQ(h.ask(plugin, "{}").events, (Events{"text:|one\ntwo|", "text:x|{}|7"}));
}

TEST(Harness, TellsWhatAStreamSaidOfBeingAskedForAgain) {
  Harness h;
  const Http http(h.host(), {"http://model.test", 1s, 2s, 3s}, "");
  h.upstream.push({200, {}, {"retry: 500\nid: 7\ndata: x\n\n", "id: 8\n\n"}, GH_ABSENT, {}});
  in_request(h, [&](Exchange& x, Sink&) {
    auto answer = http.send(x, "GET", "/", {}, {}, 20min);
    ASSERT_TRUE(*answer->next_event());
    EXPECT_EQ(answer->last_id(), "7");
    EXPECT_EQ(answer->retry(), 500ms);
    EXPECT_FALSE(*answer->next_event());
    EXPECT_EQ(answer->last_id(), "8");
  });
  EXPECT_EQ(h.upstream.requests.at(0).first_byte, 20min);
}

TEST(Harness, ShowsEachHeaderOfAnUpstreamAnswer) {
  Harness h;
  const Http http(h.host(), {"http://model.test", 1s, 2s, 3s}, "");
  h.upstream.push(reply(200, "", {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}}));
  in_request(h, [&](Exchange& x, Sink&) {
    auto answer = http.send(x, "GET", "/", {}, {});
    ASSERT_TRUE(answer->header_at(1));
    EXPECT_EQ(answer->header_at(1)->first, "Set-Cookie");
    EXPECT_EQ(answer->header_at(1)->second, "b=2");
    EXPECT_FALSE(answer->header_at(2));
  });
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

// ---- Clients that leave ------------------------------------------------------------------------

TEST(Harness, LetsATestMakeTheClientLeave) {
  Harness h;
  std::atomic<bool> gone{false};
  Request r("GET", "/");
  r.gone = &gone;
  const auto leave = [&](Exchange& x, Sink&) {
    EXPECT_TRUE(x.cancelled());
    gone = true;
    EXPECT_EQ(x.cancelled().code(), GH_STOP);
  };
  in_request(h, leave, r);
}

TEST(Harness, KeepsARequestThatOthersWantWhenItsClientLeaves) {
  Harness h;
  const Http http(h.host(), {"http://model.test", 1s, 1s, 1s}, "/base_url");
  h.upstream.push(sse({"a", "b"}));
  Request r("POST", "/api/chat");
  r.patience = 10s;
  const auto outlive = [&](Exchange& x, Sink& out) {
    bool others_want = true;
    auto wanted = [&] { return others_want; };
    Share(h.host()).outlive(x, wanted);
    auto answer = http.send(x, "GET", "/", {}, {});
    EXPECT_TRUE(out.emit(event::text("a")));
    const ClientSide client(h.host());
    EXPECT_FALSE(client.has_left(x));
    const auto start = h.host().now();
    EXPECT_TRUE(h.host().sleep(x, 60s));
    EXPECT_EQ(h.host().now() - start, 60s);
    EXPECT_TRUE(client.has_left(x));
    EXPECT_TRUE(answer->read());
    EXPECT_EQ(out.emit(event::text("b")).code(), GH_STOP);
    others_want = false;
    EXPECT_EQ(x.cancelled().code(), GH_STOP);
    EXPECT_EQ(answer->read().error().code(), GH_STOP);
    EXPECT_EQ(h.host().sleep(x, 60s).code(), GH_STOP);
  };
  in_request(h, outlive, r);
}

TEST(Harness, AsksWhetherARequestIsWantedWhenItsClientLeaves) {
  Harness h;
  Request r("GET", "/");
  r.patience = 10s;
  const auto outlive = [&](Exchange& x, Sink&) {
    const ClientSide client(h.host());
    auto wanted = [&] { return client.has_left(x); };
    Share(h.host()).outlive(x, wanted);
    const auto start = h.host().now();
    EXPECT_TRUE(h.host().sleep(x, 60s));
    EXPECT_EQ(h.host().now() - start, 60s);
  };
  in_request(h, outlive, r);
}

TEST(Harness, EndsARequestThatOthersWantAtItsDeadline) {
  Harness h;
  Request r("GET", "/");
  r.time_limit = 10s;
  const auto outlive = [&](Exchange& x, Sink&) {
    auto wanted = [] { return true; };
    Share(h.host()).outlive(x, wanted);
    EXPECT_EQ(h.host().sleep(x, 60s).code(), GH_CANCELLED);
  };
  in_request(h, outlive, r);
}

TEST(Harness, ReadsAnAnswerThatOthersWantToItsEnd) {
  Harness h;
  const Http http(h.host(), {"http://model.test", 1s, 1s, 1s}, "/base_url");
  Reply leaving = reply(200, "one");
  leaving.end = GH_STOP;
  h.upstream.push(leaving);
  in_request(h, [&](Exchange& x, Sink&) {
    auto wanted = [] { return true; };
    Share(h.host()).outlive(x, wanted);
    auto answer = http.send(x, "GET", "/", {}, {});
    EXPECT_EQ(**answer->read(), "one");
    EXPECT_FALSE(*answer->read());
    Share(h.host()).end(x);
    EXPECT_EQ(x.cancelled().code(), GH_STOP);
  });
  EXPECT_TRUE(h.upstream.requests.at(0).read_to_end);
}

// ---- The store ---------------------------------------------------------------------------------

using Stored = std::map<std::string, std::string>;

TEST(Harness, StoresAValueUntilItsTimeIsUp) {
  Harness h;
  const Store store(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    EXPECT_FALSE(*store.get(x, "a"));
    EXPECT_TRUE(store.put(x, "a", "1", 10s));
    h.advance(9s);
    EXPECT_EQ(**store.get(x, "a"), "1");
    EXPECT_TRUE(store.put(x, "a", "2", 10s));
    h.advance(9s);
    EXPECT_EQ(h.store, (Stored{{"a", "2"}}));
    h.advance(1s);
    EXPECT_FALSE(*store.get(x, "a"));
    EXPECT_TRUE(h.store.empty());
  });
}

TEST(Harness, CountsUntilTheTimeOfTheFirstIsUp) {
  Harness h;
  const Store store(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    EXPECT_EQ(*store.add(x, "n", 2, 10s), 2);
    h.advance(9s);
    EXPECT_EQ(*store.add(x, "n", -5, 10s), -3);
    EXPECT_EQ(h.store, (Stored{{"n", "-3"}}));
    h.advance(1s);
    EXPECT_EQ(*store.add(x, "n", 1, 10s), 1);
  });
}

TEST(Harness, TakesNoMoreThanTheLimitInAnySpanOfTheWindow) {
  Harness h;
  const Store store(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    std::vector<Quota> quota = {Quota("k", 2, std::chrono::nanoseconds(10'000'000'000))};
    const auto take = [&](std::int64_t remaining, std::chrono::nanoseconds reset) {
      const bool taken = *store.take(x, quota);
      EXPECT_EQ(quota[0].remaining, remaining);
      EXPECT_EQ(quota[0].reset_ns, reset.count());
      return taken;
    };
    EXPECT_TRUE(take(1, 10s));
    h.advance(4s);
    EXPECT_TRUE(take(0, 6s));
    EXPECT_FALSE(take(-1, 6s));
    h.advance(6s);  // the first no longer counts
    EXPECT_TRUE(take(0, 4s));
    EXPECT_FALSE(take(-1, 4s));
    quota[0].limit = 1;  // fewer than there are: both have to go
    EXPECT_FALSE(take(-1, 10s));
  });
}

TEST(Harness, TakesFromAllQuotasOrFromNone) {
  Harness h;
  const Store store(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    std::vector<Quota> both = {Quota("wide", 2, std::chrono::nanoseconds(60'000'000'000)),
                               Quota("narrow", 1, std::chrono::nanoseconds(1'000'000'000))};
    EXPECT_TRUE(*store.take(x, both));
    EXPECT_FALSE(*store.take(x, both));
    EXPECT_EQ(both[0].remaining, 1);
    EXPECT_EQ(both[1].remaining, -1);
    h.advance(1s);
    EXPECT_TRUE(*store.take(x, both));
  });
}

TEST(Harness, TakesNothingFromQuotasThatAreNone) {
  Harness h;
  const Store store(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    const Quota good("k", 1, std::chrono::nanoseconds(1'000'000'000));
    Quota none_allowed = good, no_window = good, too_costly = good;
    none_allowed.limit = 0;
    no_window.window_ns = 0;
    too_costly.cost = 2;
    for (std::vector<Quota> quotas :
         {std::vector{none_allowed}, {no_window}, {too_costly}, {good, good}})
      EXPECT_EQ(store.take(x, quotas).error().code(), GH_INVALID);
    std::vector<Quota> quotas = {good};
    EXPECT_TRUE(*store.take(x, quotas));
  });
}

TEST(Harness, AddsToAllCountersOrToNone) {
  Harness h;
  const Counters counters(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    std::vector<Addition> both = {Addition("a", 2, 60s, 3), Addition("b", 2, 60s)};
    EXPECT_TRUE(*counters.add(x, both));
    EXPECT_FALSE(*counters.add(x, both));
    EXPECT_EQ(both[0].total, 2);
    EXPECT_FALSE(*counters.add_here(x, both));
    both[0].by = both[1].by = -1;
    EXPECT_TRUE(*counters.add(x, both));
    EXPECT_EQ(h.store, (Stored{{"a", "1"}, {"b", "1"}}));
    h.advance(60s);
    EXPECT_TRUE(h.store.empty());
  });
}

TEST(Harness, AddsNothingToWhatIsNoCounter) {
  Harness h;
  const Store store(h.host());
  const Counters counters(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    const Addition good("a", 1, 1s), too_much("a", 1'000'000'000'000'001, 1s), no_time("a", 1, 0s);
    EXPECT_TRUE(store.put(x, "value", "1", 1s));
    for (std::vector<Addition> additions :
         {std::vector{good, good}, {too_much}, {no_time}, {good, Addition("value", 1, 1s)}})
      EXPECT_EQ(counters.add(x, additions).error().code(), GH_INVALID);
    EXPECT_EQ(h.store, (Stored{{"value", "1"}}));
  });
}

TEST(Harness, ErasesKeysAndPrefixes) {
  Harness h;
  const Store store(h.host());
  h.store = {{"a/1", "x"}, {"a/2", "x"}, {"b/1", "x"}};
  in_request(h, [&](Exchange& x, Sink&) {
    EXPECT_TRUE(store.erase(x, "a/1"));
    EXPECT_EQ(h.store, (Stored{{"a/2", "x"}, {"b/1", "x"}}));
    EXPECT_TRUE(store.clear(x, "a/"));
    EXPECT_EQ(h.store, (Stored{{"b/1", "x"}}));
    std::vector<Quota> quota = {Quota("q", 1, std::chrono::nanoseconds(1'000'000'000))};
    EXPECT_TRUE(*store.take(x, quota));
    EXPECT_TRUE(store.clear(x));
    EXPECT_TRUE(h.store.empty());
    EXPECT_TRUE(*store.take(x, quota));
  });
}

TEST(Harness, KeepsValuesCountersAndQuotasApart) {
  Harness h;
  const Store store(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    std::vector<Quota> quota = {Quota("quota", 1, std::chrono::nanoseconds(1'000'000'000))};
    EXPECT_TRUE(store.put(x, "value", "1", 1s));
    EXPECT_TRUE(store.add(x, "counter", 1, 1s));
    EXPECT_TRUE(store.take(x, quota));
    EXPECT_EQ(store.get(x, "counter").error().code(), GH_INVALID);
    EXPECT_EQ(store.get(x, "quota").error().code(), GH_INVALID);
    EXPECT_EQ(store.add(x, "value", 1, 1s).error().code(), GH_INVALID);
    EXPECT_EQ(store.add(x, "quota", 1, 1s).error().code(), GH_INVALID);
    quota[0].key = raw("value");
    EXPECT_EQ(store.take(x, quota).error().code(), GH_INVALID);
    EXPECT_TRUE(store.put(x, "quota", "1", 1s));
    EXPECT_EQ(**store.get(x, "quota"), "1");
  });
}

TEST(Harness, StoresNothingForATimeThatNoStoreKeeps) {
  Harness h;
  const Store store(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    EXPECT_EQ(store.put(x, "a", "1", 0s).code(), GH_INVALID);
    EXPECT_EQ(store.put(x, "a", "1", 367 * 24h).code(), GH_INVALID);
    EXPECT_EQ(store.add(x, "a", 1, 0s).error().code(), GH_INVALID);
  });
}

TEST(Harness, AnswersForAStoreThatIsDown) {
  Harness h;
  const Store store(h.host());
  const Counters counters(h.host());
  h.store_down = true;
  in_request(h, [&](Exchange& x, Sink&) {
    std::vector<Quota> quota = {Quota("k", 1, std::chrono::nanoseconds(1'000'000'000))};
    EXPECT_EQ(store.get(x, "a").error().code(), GH_UNAVAILABLE);
    EXPECT_EQ(store.put(x, "a", "1", 1s).code(), GH_UNAVAILABLE);
    EXPECT_EQ(store.add(x, "a", 1, 1s).error().code(), GH_UNAVAILABLE);
    EXPECT_EQ(store.take(x, quota).error().code(), GH_UNAVAILABLE);
    std::vector<Addition> additions = {Addition("a", 1, 1s)};
    EXPECT_EQ(counters.add(x, additions).error().code(), GH_UNAVAILABLE);
    EXPECT_TRUE(*counters.add_here(x, additions));
    EXPECT_EQ(store.erase(x, "a").code(), GH_UNAVAILABLE);
    EXPECT_EQ(store.clear(x).code(), GH_UNAVAILABLE);
  });
}

// ---- Waiting for another thread ----------------------------------------------------------------

TEST(Harness, EndsAWaitFromAnotherThread) {
  Harness h;
  const Waker waker(h.host());
  std::thread other([&] { waker.wake(); });
  in_request(h, [&](Exchange& x, Sink&) { EXPECT_TRUE(*waker.wait(x, 60s)); });
  other.join();
}

TEST(Harness, KeepsOneWakeForTheNextWait) {
  Harness h;
  const Waker waker(h.host());
  waker.wake();
  waker.wake();
  in_request(h, [&](Exchange& x, Sink&) {
    EXPECT_TRUE(*waker.wait(x, 60s));
    EXPECT_FALSE(*waker.wait(x, 1ms));
  });
}

TEST(Harness, MovesTheClockToTheEndOfAWaitInVain) {
  Harness h;
  const Waker waker(h.host());
  const auto start = h.host().now();
  in_request(h, [&](Exchange& x, Sink&) { EXPECT_FALSE(*waker.wait(x, 1ms)); });
  EXPECT_EQ(h.host().now() - start, 1ms);
}

TEST(Harness, EndsAWaitThatTheClockIsMovedBeyond) {
  Harness h;
  const Waker waker(h.host());
  std::atomic<bool> over{false};
  std::thread other([&] {
    while (!over) h.advance(1s);
  });
  const auto real_start = std::chrono::steady_clock::now();
  in_request(h, [&](Exchange& x, Sink&) { EXPECT_FALSE(*waker.wait(x, 60s)); });
  EXPECT_LT(std::chrono::steady_clock::now() - real_start, 4s);
  over = true;
  other.join();
}

TEST(Harness, EndsAWaitWhenTheClientLeavesOrTimeIsUp) {
  Harness h;
  const Waker waker(h.host());
  const auto end_of_wait = [&](const Request& request, std::chrono::nanoseconds time) {
    gh_status end = GH_OK;
    in_request(
        h, [&](Exchange& x, Sink&) { end = waker.wait(x, time).error().code(); }, request);
    return end;
  };
  Request impatient("GET", "/"), limited("GET", "/"), leaving("GET", "/");
  impatient.patience = 1ms;
  EXPECT_EQ(end_of_wait(impatient, 2ms), GH_STOP);
  limited.time_limit = 1ms;
  EXPECT_EQ(end_of_wait(limited, 2ms), GH_CANCELLED);
  std::atomic<bool> gone{false};
  leaving.gone = &gone;
  std::thread other([&] { gone = true; });
  EXPECT_EQ(end_of_wait(leaving, 60s), GH_STOP);
  other.join();
}

TEST(Harness, WaitsForDescriptors) {
  Harness h;
  const Waker waker(h.host());
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  in_request(h, [&](Exchange& x, Sink&) {
    std::array<gh_fd, 2> fds{{{-1, POLLIN, 0}, {ends[0], POLLIN, 0}}};
    EXPECT_FALSE(*waker.wait(x, fds, 1ms));
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    EXPECT_TRUE(*waker.wait(x, fds, 60s));
    EXPECT_EQ(fds[0].ready, 0);
    EXPECT_EQ(fds[1].ready, POLLIN);
    waker.wake();
    fds[1].fd = -1;
    EXPECT_TRUE(*waker.wait(x, fds, 60s));
    EXPECT_EQ(fds[1].ready, 0);
    std::array<gh_fd, 9> many{};
    EXPECT_EQ(waker.wait(x, many, 1ms).error().code(), GH_INVALID);
  });
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Harness, RunsTasksBesideTheirRequest) {
  Harness h;
  const Waker first(h.host()), second(h.host());
  in_request(h, [&](Exchange& x, Sink&) {
    auto ping = [&](Exchange& task) {
      EXPECT_EQ(task.path(), "");
      first.wake();
      EXPECT_TRUE(*second.wait(task, 60s));
    };
    auto pong = [&](Exchange& task) {
      EXPECT_TRUE(*first.wait(task, 60s));
      second.wake();
    };
    Task a(h.host(), x, h.host().now() + 60s, ping), b(h.host(), x, h.host().now() + 60s, pong);
    EXPECT_TRUE(a.join(x));
    EXPECT_TRUE(b.join(x));
  });
}

TEST(Harness, FailsTheRequestWhoseTaskThrows) {
  Harness h;
  in_request(h, [&](Exchange& x, Sink&) {
    auto throws = [](Exchange&) { throw std::runtime_error("thrown by a test"); };
    const Status ended = Task(h.host(), x, h.host().now() + 60s, throws).join(x);
    EXPECT_EQ(ended.failure().code(), "plugin_error");
  });
}

TEST(Harness, EndsATaskWithItsRequestOrAtItsDeadline) {
  Harness h;
  const Waker nobody_wakes(h.host());
  std::atomic<bool> gone{false};
  Request leaving("GET", "/");
  leaving.gone = &gone;
  leaving.time_limit = 20s;
  const auto end_tasks = [&](Exchange& x, Sink&) {
    auto sleep = [&](Exchange& task) { EXPECT_EQ(h.host().sleep(task, 60s).code(), GH_CANCELLED); };
    const auto start = h.host().now();
    EXPECT_TRUE(Task(h.host(), x, start + 10s, sleep).join(x));
    EXPECT_EQ(h.host().now() - start, 10s);

    auto wait = [&](Exchange& task) {
      gone = true;
      EXPECT_EQ(nobody_wakes.wait(task, 60s).error().code(), GH_CANCELLED);
    };
    EXPECT_EQ(Task(h.host(), x, start + 60s, wait).join(x).code(), GH_STOP);
    EXPECT_EQ(h.host().now() - start, 10s);
  };
  in_request(h, end_tasks, leaving);
}

// ---- Background tasks, the admin address -------------------------------------------------------

class Watches final : public Plugin {
 public:
  explicit Watches(Host host) : host_(host) {
    background<&Watches::watch>(host, this);
    background<&Watches::fall_over>(host, this);
  }
  Status handle(Exchange&, Sink&, Next&) override { return {}; }

  void watch(Exchange& x) {
    while (host_.sleep(x, 30s)) ++looks;
    end = x.cancelled().code();
  }
  void fall_over(Exchange&) { throw std::runtime_error("fell over"); }

  int looks = 0;
  gh_status end = GH_OK;

 private:
  Host host_;
};

TEST(Harness, RunsABackgroundTaskUntilItsInstanceEnds) {
  Harness h;
  Watches plugin(h.host());
  const auto start = h.host().now();
  h.run_background();
  EXPECT_EQ(plugin.looks, 0);
  h.run_background(0, 3);
  EXPECT_EQ(plugin.looks, 3);
  EXPECT_EQ(plugin.end, GH_CANCELLED);
  EXPECT_EQ(h.host().now() - start, 90s);
}

TEST(Harness, CountsTheWaitsForAWakerToo) {
  Harness h;
  const Waker waker(h.host());
  const gh_host* host = h.host().raw_host();
  const auto wait_twice = [](void* self, gh_exchange* raw_x) {
    Exchange x(raw_x);
    EXPECT_TRUE(*static_cast<const Waker*>(self)->wait(x, 60s));
    EXPECT_EQ(static_cast<const Waker*>(self)->wait(x, 60s).error().code(), GH_CANCELLED);
  };
  const auto* work = static_cast<const gh_background_api*>(h.host().extension(GH_BACKGROUND_1));
  work->run(host, wait_twice, const_cast<Waker*>(&waker));
  waker.wake();
  h.run_background(0, 1);
}

TEST(Harness, ThrowsWhatABackgroundTaskThrows) {
  Harness h;
  Watches plugin(h.host());
  EXPECT_THROW(h.run_background(1), std::runtime_error);
  EXPECT_THROW(h.run_background(2), std::out_of_range);
}

class Administered final : public Plugin {
 public:
  explicit Administered(Host host) {
    host.route<&Administered::post>(this, "POST", "/entries");
    admin_route<&Administered::list>(host, this, "GET", "/entries", "All entries");
    admin_route<&Administered::post>(host, this, "POST", "/entries", "One more entry");
  }
  Status list(Exchange& x, Sink& out) { return x.reply(out, 200, "text/plain", "list"); }
  Status post(Exchange& x, Sink& out) {
    return x.reply(out, 200, "text/plain",
                   std::string(x.path()) + "?" + std::string(x.query()) + " " +
                       std::string((*x.json())["key"].str()));
  }
};

TEST(Harness, CallsTheMemberThatAnAdminRouteNames) {
  Harness h;
  Administered plugin(h.host());
  EXPECT_EQ(h.admin(plugin, "POST", "/entries?a=b", R"({"key":"k"})").body, "/test/entries?a=b k");
  EXPECT_EQ(h.admin(plugin, "GET", "/entries").body, "list");
  EXPECT_EQ(h.post(plugin, "/entries", R"({"key":"c"})").body, "/entries? c");
  EXPECT_EQ(h.admin_routes, (std::vector<std::string>{"GET /entries", "POST /entries"}));
  EXPECT_THROW(h.admin(plugin, "DELETE", "/entries"), std::invalid_argument);
}

// ---- Metrics, files, cryptography, status ------------------------------------------------------

using Numbers = std::map<std::string, double>;

TEST(Harness, RecordsSeriesByNameAndLabels) {
  Harness h;
  const Series tokens = Series(h.host(), GH_COUNTER, "tokens_total", "Tokens.",
                               {{"model", "m"}, {"type", "in\"put"}});
  const Series clients = Series(h.host(), GH_GAUGE, "clients", "Clients.");
  const Series time = Series(h.host(), GH_SECONDS, "wait_seconds", "Time.", {{"model", "m"}});
  EXPECT_EQ(h.metrics.at("clients"), 0);
  tokens.record();
  tokens.record(2);
  clients.record(7);
  clients.record(5);
  time.record(0.5);
  time.record(1);
  EXPECT_EQ(h.metrics, (Numbers{{"clients", 5},
                                {R"(tokens_total{model="m",type="in\"put"})", 3},
                                {R"(wait_seconds_count{model="m"})", 2},
                                {R"(wait_seconds_sum{model="m"})", 1.5}}));
}

TEST(Harness, HasOneSeriesForOneNameAndLabels) {
  Harness h;
  for (const View model : {"a", "b", "a"})
    Series(h.host(), GH_COUNTER, "calls_total", "Calls.", {{"model", model}}).record();
  EXPECT_EQ(h.metrics,
            (Numbers{{R"(calls_total{model="a"})", 2}, {R"(calls_total{model="b"})", 1}}));
}

TEST(Harness, RefusesASeriesThatDiffersFromOthersOfItsName) {
  Harness h;
  Series(h.host(), GH_COUNTER, "calls_total", "Calls.", {{"model", "a"}});
  Series(h.host(), GH_GAUGE, "calls_total", "Calls.", {{"model", "b"}}).record();
  Series(h.host(), GH_COUNTER, "calls_total", "All calls.", {{"model", "b"}}).record();
  Series(h.host(), GH_COUNTER, "calls_total", "Calls.", {{"tool", "b"}}).record();
  Series(h.host(), GH_COUNTER, "calls_total", "Calls.").record();
  EXPECT_EQ(h.metrics, (Numbers{{R"(calls_total{model="a"})", 0}}));
}

TEST(Harness, LoadsTheFilesOfTheTest) {
  Harness h;
  h.files = {{"tools.yaml", R"({"tools": []})"}, {"broken.yaml", "{"}};
  std::vector<std::string> problems;
  EXPECT_EQ(Files(h.host()).load("tools.yaml", "{}", problems)->root().dump(), R"({"tools":[]})");
  EXPECT_FALSE(Files(h.host()).load("broken.yaml", "{}", problems));
  EXPECT_FALSE(Files(h.host()).load("none.yaml", "{}", problems));
  EXPECT_EQ(problems, (std::vector<std::string>{"broken.yaml: the syntax is wrong",
                                                "none.yaml: no such file"}));
}

TEST(Harness, HashesAsFips180Shows) {
  Harness h;
  const Crypto crypto(h.host());
  // The empty text, and FIPS 180-2 appendix B.
  EXPECT_EQ(hex(crypto.sha256({""})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(crypto.sha256({"a", "", "bc"})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(crypto.sha256({"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"})),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(crypto.sha256({std::string(1'000'000, 'a')})),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Harness, SignsAsRfc4231Shows) {
  Harness h;
  const Crypto crypto(h.host());
  EXPECT_EQ(hex(crypto.hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(crypto.hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(crypto.hmac_sha256(std::string(131, '\xaa'),
                                   "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Harness, GivesAPluginTheStackThatTheGatewayGivesIt) {
  Harness h;
  std::size_t bytes = 0;
  in_request(h, [&](Exchange&, Sink&) {
    pthread_attr_t attributes;
    ASSERT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
    pthread_attr_getstacksize(&attributes, &bytes);
    pthread_attr_destroy(&attributes);
  });
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  EXPECT_EQ(bytes, 8u << 20);
#else
  EXPECT_EQ(bytes, 1u << 20);
#endif
}

TEST(Harness, ReportsTheStatusOfTheTest) {
  Harness h;
  const GatewayStatus status(h.host());
  h.status = R"({"version":"1.2.3","draining":true})";
  h.timing = "auth;dur=0.1";
  h.metrics = {{"clients", 5}, {"wait_seconds_sum", 1.5}};
  const Document report;
  status.report(report.root());
  EXPECT_EQ(report.root().dump(), h.status);
  EXPECT_EQ(status.metrics(), "clients 5\nwait_seconds_sum 1.5\n");
  in_request(h, [&](Exchange& x, Sink&) { EXPECT_EQ(status.timing(x), "auth;dur=0.1"); });
}

// ---- What a plugin must not do ----------------------------------------------------------------

/// What run() throws for these events of the rest of the pipeline.
std::string fault_of(const Events& lines) {
  struct Pass final : Plugin {
  } pass;
  Harness h;
  h.be_strict();
  h.next = testing::events(lines);
  try {
    (void)h.ask(pass, R"({"model": "m"})");
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return "none";
}

TEST(Harness, KnowsTheGrammarOfEventsWhenItIsStrict) {
  const std::string rule = "the plugin breaks a rule: ";
  EXPECT_EQ(fault_of({"step-start", "text:a", "tool-input-start:1:t", "tool-input-delta:1:{}",
                      "tool-call:1:t:{}", "step-finish:tool-calls", "tool-output:1:{}",
                      "step-start", "step-finish:stop", "usage:{}"}),
            "none");
  EXPECT_EQ(fault_of({"text:a"}), rule + "text:a outside a step");
  EXPECT_EQ(fault_of({"step-start", "text:a"}), rule + "a response without a finished step");
  EXPECT_EQ(fault_of({"step-start", "step-start"}), rule + "step-start inside a step");
  EXPECT_EQ(fault_of({"step-start", "tool-input-start:1:t", "step-finish:stop"}),
            rule + "step-finish:stop before the end of a tool call");
  EXPECT_EQ(fault_of({"step-start", "tool-call:1:t:{}", "tool-call:1:t:{}"}),
            rule + "tool-call:1:t:{} after the call is complete");
  EXPECT_EQ(fault_of({"step-start", "bytes:x"}), rule + "bytes:x is not an event of a model");
}

/// What a strict run() throws for a plugin that does this above the ingress plugin.
std::string fault_above(Status (*handle)(Exchange&, Sink&)) {
  Does plugin([handle](Exchange& x, Sink& out) -> Status { return handle(x, out); });
  Harness h;
  h.be_strict();
  try {
    (void)h.get(plugin, "/");
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return "none";
}

TEST(Harness, KnowsTheRulesOfResponsesWhenItIsStrict) {
  const std::string rule = "the plugin breaks a rule: ";
  EXPECT_EQ(fault_above([](Exchange& x, Sink& out) { return x.reply(out, 204, "", ""); }), "none");
  EXPECT_EQ(fault_above([](Exchange&, Sink&) { return Status(); }),
            rule + "success without a response");
  EXPECT_EQ(fault_above([](Exchange&, Sink&) { return Status(GH_INVALID); }),
            rule + "a status of failure without a failure");
  EXPECT_EQ(fault_above([](Exchange&, Sink& out) { return out.emit(event::text("a")); }),
            rule + "text:a above the ingress plugin, where only bytes are");
}

TEST(Harness, OverwritesAViewThatIsKept) {
  struct Keeper final : Plugin, Sink {
    Status handle(Exchange& x, Sink&, Next& next) override { return next(x, *this); }
    Status emit(Event e) override {
      if (e.kind() == GH_EV_TEXT) kept = e.text();
      if (e.kind() == GH_EV_STEP_FINISH) seen_later = kept;
      return Status();
    }
    View kept;
    std::string seen_later;
  } keeper;
  Harness h;
  h.next = testing::events({"step-start",
                            "text:a text that is longer than the small buffer of a "
                            "string",
                            "step-finish:stop"});
  (void)h.ask(keeper, "{}");
  EXPECT_EQ(keeper.seen_later.find("longer"), std::string::npos);
}

TEST(Harness, FindsAnExchangeOnAnotherThread) {
  struct Wanderer final : Plugin {
    Status handle(Exchange& x, Sink& out, Next& next) override {
      std::thread([&] { x.heartbeat("x", 1s); }).join();
      return next(x, out);
    }
  } wanderer;
  Harness h;
  h.next = testing::answer("hi");
  EXPECT_EQ(h.get(wanderer, "/").body, "hi");
  h.be_strict();
  EXPECT_THROW((void)h.get(wanderer, "/"), std::logic_error);
}

TEST(Harness, CallsNothingAfterTheResponseHasEnded) {
  struct Twice final : Plugin {
    Status handle(Exchange& x, Sink& out, Next& next) override {
      (void)next(x, out);
      return next(x, out);
    }
  } twice;
  Harness h;
  h.next = testing::answer("hi");
  EXPECT_EQ(h.get(twice, "/").code, GH_INVALID);
  EXPECT_EQ(h.next_calls, 1);
}

TEST(Harness, LoadsAPluginInAnyLanguage) {
  Harness h;
  EXPECT_THROW((void)h.load(STAMP, "{}"), std::invalid_argument) << "`value` is required";
  const auto stamp = h.load(STAMP, R"({"value": "7"})");
  h.next = testing::answer("hi");
  const Answer answer = h.get(*stamp, "/");
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(answer.header("X-Stamp"), "7");
}

}  // namespace
}  // namespace gatehouse
