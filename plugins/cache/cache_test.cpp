#include "cache.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <thread>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::cache {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;
using testing::NextFunction;
using testing::Request;

const std::string kQuestion =
    R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})";
const Events kAnswer = {"step-start",
                        "reasoning:Hm\n",
                        R"(text#7:Grüß "dich" @{"google":{"thoughtSignature":"a=="}})",
                        "source:1:Title:https://example.org/?a=b",
                        "file:image/png:AAAA",
                        R"(data:search-suggestions:{"html":"<div>q</div>"})",
                        R"(response:{"model":"m-1","id":"r"})",
                        R"(usage:{"input_tokens":3,"cost":0.25})",
                        "step-finish:stop"};

Request question(View chat = kQuestion, testing::Headers headers = {}) {
  Request request("POST", "/api/chat");
  request.chat = chat;
  request.headers = std::move(headers);
  return request;
}

class CacheTest : public ::testing::Test {
 protected:
  Answer ask(const Request& request) { return h.run(cache, request); }
  Answer ask() { return ask(question()); }

  Harness h;
  Cache cache{h.host(), h.config("{}")};
};

// ---- What is found -----------------------------------------------------------------------------

TEST_F(CacheTest, RepeatsAnAnswerEventByEvent) {
  h.next = testing::events(kAnswer);
  const Answer first = ask();
  h.advance(7s);
  const Answer second = ask();

  EXPECT_EQ(first.events, kAnswer);
  EXPECT_EQ(first.header("X-Cache"), "miss");
  EXPECT_EQ(first.header("Age"), "");
  EXPECT_EQ(second.events, kAnswer);
  EXPECT_EQ(second.header("X-Cache"), "hit");
  EXPECT_EQ(second.header("Age"), "7");
  EXPECT_EQ(h.next_calls, 1);
  EXPECT_EQ(h.metrics[R"(gatehouse_cache_requests_total{plugin="test",result="hit"})"], 1);
  EXPECT_EQ(h.metrics[R"(gatehouse_cache_requests_total{plugin="test",result="miss"})"], 1);
}

TEST_F(CacheTest, ForgetsAnAnswerAfterItsTime) {
  h.next = testing::events(kAnswer);
  (void)ask();
  h.advance(59s);
  (void)ask();
  EXPECT_EQ(h.next_calls, 1);
  h.advance(1s);
  (void)ask();
  EXPECT_EQ(h.next_calls, 2);
}

TEST_F(CacheTest, TellsAnAgeThatCanBeWhateverTheClocksDo) {
  h.next = testing::answer("Hi");
  (void)ask();
  h.store.begin()->second.replace(6, 10, "9999999999");
  EXPECT_EQ(ask().header("Age"), "0");
  h.store.begin()->second.replace(6, 10, "1000000000");
  EXPECT_EQ(ask().header("Age"), "60");
}

TEST_F(CacheTest, KeepsApartWhateverCanChangeTheAnswer) {
  const std::vector<std::string> different = {
      kQuestion,
      R"({"model":"n","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi "}]}]})",
      R"({"model":"m","messages":[{"role":"assistant","content":[{"type":"text","text":"Hi"}]}]})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"system":["Be brief."]})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"temperature":0.5})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"temperature":0.50001})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"max_output_tokens":1})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"tools":[{"name":"a"}]})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"backend_tools":["a"]})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"workflow":"w"})"};
  h.next = testing::events(kAnswer);
  for (const std::string& chat : different)
    EXPECT_EQ(ask(question(chat)).header("X-Cache"), "miss") << chat;
  for (const std::string& chat : different)
    EXPECT_EQ(ask(question(chat)).header("X-Cache"), "hit") << chat;
}

/// Sets the notes that an authentication leaves.
class Authentication final : public Plugin {
 public:
  Authentication(Cache& cache, View id, View install) : cache_(cache), id_(id), install_(install) {}
  Status handle(Exchange& x, Sink& out, Next& next) override {
    x.notes().edit("extension_id").set(id_);
    if (!install_.empty()) x.notes().edit("install").set(install_);
    return cache_.handle(x, out, next);
  }

 private:
  Cache& cache_;
  const View id_, install_;
};

TEST_F(CacheTest, KeepsTenantsApart) {
  h.next = testing::events(kAnswer);
  const auto as = [&](View id, View install, View header) {
    Authentication authentication(cache, id, install);
    return h.run(authentication, question(kQuestion, {{"X-Extension-ID", std::string(header)}}))
        .header("X-Cache");
  };
  EXPECT_EQ(as("ab", "c", "ab"), "miss");
  EXPECT_EQ(as("ab", "d", "ab"), "miss");
  EXPECT_EQ(as("abc", "", "ab"), "miss");
  EXPECT_EQ(as("ab", "", "ab"), "miss");
  EXPECT_EQ(as("ab", "c", "other"), "hit");  // a note counts more than what the client says
}

TEST_F(CacheTest, TakesTheHeaderForTheTenantWhereNobodyAuthenticates) {
  h.next = testing::events(kAnswer);
  EXPECT_EQ(ask(question(kQuestion, {{"X-Extension-ID", "a"}})).header("X-Cache"), "miss");
  EXPECT_EQ(ask(question(kQuestion, {{"X-Extension-ID", "b"}})).header("X-Cache"), "miss");
  EXPECT_EQ(ask(question(kQuestion, {{"X-Extension-ID", "a"}})).header("X-Cache"), "hit");
}

TEST(Cache, SharesAmongTenantsWhenTheOperatorSaysSo) {
  Harness h;
  Cache cache(h.host(), h.config(R"({"share": true})"));
  h.next = testing::events(kAnswer);
  EXPECT_EQ(h.run(cache, question(kQuestion, {{"X-Extension-ID", "a"}})).header("X-Cache"), "miss");
  EXPECT_EQ(h.run(cache, question(kQuestion, {{"X-Extension-ID", "b"}})).header("X-Cache"), "hit");
}

TEST_F(CacheTest, NeitherKeepsNorLooksForWhatMustNotBeStored) {
  h.next = testing::events(kAnswer);
  EXPECT_EQ(ask(question(kQuestion, {{"Cache-Control", "max-age=0, No-Store"}})).header("X-Cache"),
            "bypass");
  EXPECT_TRUE(h.store.empty());
  (void)ask();
  EXPECT_EQ(ask(question(kQuestion, {{"Cache-Control", "no-store"}})).header("X-Cache"), "bypass");
  EXPECT_EQ(h.next_calls, 3);
}

TEST_F(CacheTest, AsksAnewForNoCacheAndKeepsTheNewAnswer) {
  h.next = testing::in_turn({testing::answer("old"), testing::answer("new")});
  (void)ask();
  EXPECT_EQ(ask(question(kQuestion, {{"Cache-Control", "no-cache"}})).text, "new");
  EXPECT_EQ(ask().text, "new");
  EXPECT_EQ(h.next_calls, 2);
}

TEST_F(CacheTest, AsksAnewForAnAnswerThatIsToBeAnotherOne) {
  class Regenerate final : public Plugin {
   public:
    explicit Regenerate(Cache& cache) : cache_(cache) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      x.notes().edit("regenerate").set(true);
      return cache_.handle(x, out, next);
    }

   private:
    Cache& cache_;
  } regenerate(cache);
  h.next = testing::in_turn({testing::answer("old"), testing::answer("new")});
  (void)ask();
  EXPECT_EQ(h.run(regenerate, question(kQuestion)).text, "new");
  EXPECT_EQ(ask().text, "new");
}

// ---- What is kept ------------------------------------------------------------------------------

class NeverKept : public CacheTest, public ::testing::WithParamInterface<NextFunction> {};

TEST_P(NeverKept, InAHundredTries) {
  h.next = GetParam();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ask().header("X-Cache"), "miss");
  EXPECT_EQ(h.next_calls, 100);
  EXPECT_TRUE(h.store.empty());
}

NextFunction ends_with(Events lines, gh_status code) {
  return [lines, code](Exchange&, Sink& out) {
    (void)testing::emit(out, lines);
    return Status(code);
  };
}
NextFunction breaks_off(Events lines) {
  return [lines](Exchange&, Sink& out) -> Status {
    (void)testing::emit(out, lines);
    return Fail{502, "upstream_broken", "The upstream broke off its answer.", {}};
  };
}

INSTANTIATE_TEST_SUITE_P(
    Cache, NeverKept,
    ::testing::Values(
        testing::fails({503, "overloaded", "Try again.", {}}),
        breaks_off({"step-start", "text:Hel"}), breaks_off(kAnswer), ends_with(kAnswer, GH_STOP),
        ends_with(kAnswer, GH_CANCELLED), testing::events({"step-start", "text:Hel"}),
        testing::events({"step-start", "text:Hi", "step-finish:stop", "step-start"}),
        testing::events({}), testing::events({"step-start", "text:Hel", "step-finish:length"}),
        testing::events({"step-start", "step-finish:error", "step-start", "text:Hi",
                         "step-finish:stop"}),
        testing::events({"step-start", "step-finish:stop"}),
        testing::events({"step-start", "text: \n", "step-finish:stop"}),
        testing::events({"step-start", "reasoning:Hm", "usage:{}", "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "tool-input-start:1:t", "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "tool-input-delta:1:{}", "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "tool-call:1:t:{}", "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "tool-call+provider-executed:1:t:{}",
                         "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "tool-call-error:1:t:no:{}", "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "tool-output+dynamic:1:{}", "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "tool-output-error:1:no", "step-finish:stop"}),
        testing::events({"step-start", "text+preliminary:Hel", "step-finish:stop"})));

TEST_F(CacheTest, KeepsAnAnswerToAQuestionWithToolsIfNoneWasCalled) {
  h.next = testing::events(kAnswer);
  const std::string chat = R"({"model":"m","messages":[],"tools":[{"name":"t"}]})";
  EXPECT_EQ(ask(question(chat)).header("X-Cache"), "miss");
  EXPECT_EQ(ask(question(chat)).header("X-Cache"), "hit");
}

TEST_F(CacheTest, KeepsNothingOfAnAnswerWhoseClientLeft) {
  h.next = testing::events(kAnswer);
  Request request = question();
  request.leaves_after = 3;
  EXPECT_EQ(ask(request).code, GH_STOP);
  EXPECT_TRUE(h.store.empty());
}

TEST(Cache, KeepsNoAnswerOverTheLimit) {
  Harness h;
  Cache cache(h.host(), h.config(R"({"max_entry": "128B"})"));
  const std::string question_of_its_own = R"({"model":"n"})";
  h.next = testing::in_turn({testing::answer("short"), testing::answer(std::string(128, 'x'))});
  (void)h.run(cache, question());
  (void)h.run(cache, question(question_of_its_own));
  EXPECT_EQ(h.run(cache, question()).header("X-Cache"), "hit");
  EXPECT_EQ(h.run(cache, question(question_of_its_own)).header("X-Cache"), "miss");
}

TEST_F(CacheTest, TakesATornValueForAMiss) {
  h.next = testing::answer("Hi");
  (void)ask();
  const auto [key, whole] = *h.store.begin();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    h.store[key] = whole.substr(0, size);
    EXPECT_EQ(ask().header("X-Cache"), "miss") << size;
  }
  for (const char* wrong :
       {R"({"at":1,"events":[]})", R"({"at":1,"events":[{"kind":"tool-call"}]})",
        R"({"events":[{}]})", "[]", "7"}) {
    h.store[key] = wrong;
    EXPECT_EQ(ask().text, "Hi") << wrong;
  }
}

TEST_F(CacheTest, GoesOnWithoutTheStoreAndWarnsOnceAMinute) {
  h.next = testing::events(kAnswer);
  h.store_down = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask().events, kAnswer);
  EXPECT_EQ(h.logs.size(), 1u);
  h.advance(1min);
  (void)ask();
  EXPECT_EQ(h.logs.size(), 2u);
}

TEST(Cache, RefusesToKeepAnswersForNoTime) {
  Harness h;
  Cache cache(h.host(), h.config(R"({"ttl": "0s"})"));
  EXPECT_EQ(h.problems, (std::vector<std::string>{"/ttl: must be at least 1ms"}));
}

// ---- Single flight -----------------------------------------------------------------------------

/// A client that asks on a thread of its own. It can leave, and begin by taking one event only.
class Client {
 public:
  enum Begins { kReading, kStalled, kGone };
  Client(Harness& h, Cache& cache, std::chrono::nanoseconds time_limit = 1h,
         Begins begins = kReading)
      : reading_(cache, *this),
        request_(question()),
        gone_(begins == kGone),
        stalled_(begins == kStalled) {
    request_.gone = &gone_;
    request_.time_limit = time_limit;
    thread_ = std::thread([this, &h] { answer_ = h.run(reading_, request_); });
  }
  ~Client() { (void)answer(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Until so many events have reached it.
  void await(std::size_t events) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 10s, [&] { return events_ >= events; }));
  }
  /// One that began stalled has taken one event.
  void go_on() {
    const std::lock_guard lock(mutex_);
    stalled_ = false;
    changed_.notify_all();
  }
  void leave() { gone_ = true; }
  const Answer& answer() {
    go_on();
    if (thread_.joinable()) thread_.join();
    return answer_;
  }

 private:
  class Reading final : public Plugin, public Sink {
   public:
    Reading(Cache& cache, Client& client) : cache_(cache), client_(client) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      out_ = &out;
      return cache_.handle(x, *this, next);
    }
    Status emit(Event e) override {
      Status status = out_->emit(e);
      std::unique_lock lock(client_.mutex_);
      ++client_.events_;
      client_.changed_.notify_all();
      client_.changed_.wait(lock, [this] { return !client_.stalled_; });
      return status;
    }

   private:
    Cache& cache_;
    Client& client_;
    Sink* out_ = nullptr;
  };

  Reading reading_;
  Request request_;
  std::atomic<bool> gone_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t events_ = 0;  // guarded by mutex_
  bool stalled_;            // guarded by mutex_
  Answer answer_;
  std::thread thread_;
};

/// A model that stops after its second event, until it may go on.

class SingleFlight : public CacheTest {
 protected:
  SingleFlight() {
    h.next = [this](Exchange& x, Sink& out) -> Status {
      if (Status status = testing::emit(out, {"step-start", "text:Hel"}); !status) return status;
      if (auto woken = gate.wait(x, 1h); !woken) return woken.error();
      return rest(x, out);
    };
  }

  /// On the leader's thread: until somebody rides. The leader's client has left, so that only a
  /// rider makes it go on.
  void await_rider(const Exchange& x) {
    leads.set_value();
    while (!x.cancelled()) std::this_thread::yield();
  }

  Waker gate{h.host()};
  std::promise<void> leads;
  NextFunction rest = testing::events({"text:lo", "step-finish:stop"});
  const Events whole = {"step-start", "text:Hel", "text:lo", "step-finish:stop"};
};

TEST_F(SingleFlight, GivesAllRidersTheAnswerOfOneCall) {
  Client leader(h, cache);
  leader.await(2);
  Client second(h, cache), third(h, cache);
  second.await(2);
  third.await(2);
  gate.wake();
  for (Client* client : {&leader, &second, &third}) EXPECT_EQ(client->answer().events, whole);
  EXPECT_EQ(leader.answer().header("X-Cache"), "miss");
  EXPECT_EQ(second.answer().header("X-Cache"), "coalesced");
  EXPECT_EQ(third.answer().header("X-Cache"), "coalesced");
  EXPECT_EQ(h.next_calls, 1);
  EXPECT_EQ(ask().header("X-Cache"), "hit");
}

TEST_F(SingleFlight, AsksOnceForManyWhoAskAtTheSameTime) {
  gate.wake();
  std::deque<Client> clients;
  for (int i = 0; i < 40; ++i) clients.emplace_back(h, cache);
  for (Client& client : clients) EXPECT_EQ(client.answer().events, whole);
  EXPECT_EQ(h.next_calls, 1);
}

TEST_F(SingleFlight, GoesOnForTheOthersWhenTheLeaderLeaves) {
  Client leader(h, cache);
  leader.await(2);
  Client rider(h, cache);
  rider.await(2);
  leader.leave();
  gate.wake();
  EXPECT_EQ(rider.answer().events, whole);
  EXPECT_EQ(leader.answer().code, GH_STOP);
  EXPECT_EQ(leader.answer().events.size(), 2u);
  EXPECT_EQ(ask().header("X-Cache"), "hit");
}

TEST_F(SingleFlight, EndsTheCallWhenTheLastOneLeaves) {
  Client leader(h, cache);
  leader.await(2);
  Client rider(h, cache);
  rider.await(2);
  leader.leave();
  rider.leave();
  EXPECT_EQ(rider.answer().code, GH_STOP);
  EXPECT_EQ(leader.answer().code, GH_STOP);
  EXPECT_EQ(leader.answer().events.size(), 2u);
  EXPECT_TRUE(h.store.empty());
}

TEST_F(SingleFlight, TellsAllRidersOfAFailure) {
  rest = testing::fails({429, "quota", "Slow down.", "detail", 7s});
  Client leader(h, cache);
  leader.await(2);
  Client rider(h, cache);
  rider.await(2);
  gate.wake();
  for (Client* client : {&leader, &rider}) {
    EXPECT_EQ(client->answer().failure.code, "quota");
    EXPECT_EQ(client->answer().failure.detail, "detail");
    EXPECT_EQ(client->answer().header("Retry-After"), "7");
  }
}

TEST_F(SingleFlight, LetsRidersWithoutAnEventAskWhenTheLeaderRunsOutOfTime) {
  h.next = testing::in_turn({[this](Exchange& x, Sink&) {
                               await_rider(x);
                               h.advance(2s);
                               return x.cancelled();
                             },
                             testing::answer("Hello")});
  Client leader(h, cache, 1s, Client::kGone);
  leads.get_future().wait();
  Client rider(h, cache);
  EXPECT_EQ(rider.answer().text, "Hello");
  EXPECT_EQ(leader.answer().code, GH_CANCELLED);
  EXPECT_EQ(h.next_calls, 2);
}

TEST_F(SingleFlight, FailsForRidersInTheMiddleWhenTheLeaderRunsOutOfTime) {
  Client leader(h, cache, 1s);
  leader.await(2);
  Client rider(h, cache);
  rider.await(2);
  h.advance(2s);
  EXPECT_EQ(leader.answer().code, GH_CANCELLED);
  EXPECT_EQ(rider.answer().failure.code, "upstream_broken");
  EXPECT_EQ(h.next_calls, 1);
}

TEST_F(SingleFlight, SharesNoToolCall) {
  h.next =
      testing::in_turn({[this](Exchange& x, Sink& out) {
                          await_rider(x);
                          (void)testing::emit(out, {"tool-call:1:t:{}", "step-finish:tool-calls"});
                          return x.cancelled();
                        },
                        testing::answer("Hello")});
  Client leader(h, cache, 1h, Client::kGone);
  leads.get_future().wait();
  Client rider(h, cache);
  EXPECT_EQ(rider.answer().events, (Events{"step-start", "text:Hello", "step-finish:stop"}));
}

TEST_F(SingleFlight, LetsNobodyRideWithAToolCall) {
  h.next = testing::in_turn({[this](Exchange&, Sink& out) {
                               (void)testing::emit(out, {"step-start", "tool-call:1:t:{}"});
                               EXPECT_EQ(ask().text, "inner");  // as a rider it would wait for ever
                               return testing::emit(out, {"step-finish:tool-calls"});
                             },
                             testing::answer("inner")});
  EXPECT_EQ(ask().events, (Events{"step-start", "tool-call:1:t:{}", "step-finish:tool-calls"}));
}

TEST_F(SingleFlight, IsNotForQuestionsWithTools) {
  for (const char* tools :
       {R"({"model":"m","tools":[{"name":"t"}]})", R"({"model":"m","backend_tools":["t"]})"}) {
    Request request = question(tools);
    request.time_limit = 1s;
    h.next = testing::in_turn(
        {[&](Exchange&, Sink& out) {
           EXPECT_EQ(ask(request).text, "inner");  // as a rider it would wait for ever
           return testing::emit(out, {"step-start", "text:outer", "step-finish:stop"});
         },
         testing::answer("inner")});
    EXPECT_EQ(ask(request).text, "outer");
  }
}

TEST_F(SingleFlight, LetsASlowRiderHoldUpNobody) {
  Client leader(h, cache);
  leader.await(2);
  Client rider(h, cache, 1h, Client::kStalled);
  rider.await(1);
  gate.wake();
  EXPECT_EQ(leader.answer().events, whole);
  EXPECT_EQ(rider.answer().events, whole);
}

class SmallEntries : public ::testing::Test {
 protected:
  SmallEntries() {
    h.next = [this](Exchange& x, Sink& out) -> Status {
      if (Status status = testing::emit(out, {"step-start", "text:first"}); !status) return status;
      if (auto woken = gate.wait(x, 1h); !woken) return woken.error();
      return testing::emit(out, rest);
    };
    for (int i = 0; i < 100; ++i) rest.push_back("text:" + std::to_string(i));
    rest.push_back("step-finish:stop");
  }

  Harness h;
  Cache cache{h.host(), h.config(R"({"max_entry": "256B"})")};
  Waker gate{h.host()};
  Events rest;
};

TEST_F(SmallEntries, AreNoLimitForThoseWhoRide) {
  Client leader(h, cache);
  leader.await(2);
  Client rider(h, cache);
  rider.await(1);
  gate.wake();
  EXPECT_EQ(rider.answer().events.size(), 103u);
  EXPECT_EQ(leader.answer().events, rider.answer().events);
  EXPECT_TRUE(h.store.empty());
}

TEST_F(SmallEntries, MakeTheLeaderWaitForASlowRider) {
  Client leader(h, cache, 1min);
  leader.await(2);
  Client rider(h, cache, 1h, Client::kStalled);
  rider.await(1);
  gate.wake();
  leader.await(6);
  h.advance(2min);
  EXPECT_EQ(leader.answer().code, GH_CANCELLED);
  EXPECT_LT(leader.answer().events.size(), 50u);
}

TEST_F(SmallEntries, LetTheLeaderGoOnWhenItGoesAlone) {
  rest.insert(rest.begin(), "tool-call:1:t:{}");
  Client leader(h, cache);
  leader.await(2);
  Client rider(h, cache, 1h, Client::kStalled);
  rider.await(1);
  gate.wake();
  EXPECT_EQ(leader.answer().events.size(), 104u);
}

TEST_F(SmallEntries, LetTheLeaderGoOnWhenTheSlowRiderLeaves) {
  Client leader(h, cache);
  leader.await(2);
  Client rider(h, cache, 1h, Client::kStalled);
  rider.await(1);
  gate.wake();
  leader.await(6);
  rider.leave();
  EXPECT_EQ(rider.answer().code, GH_STOP);
  EXPECT_EQ(leader.answer().events.size(), 103u);
}

// ---- Admin routes ------------------------------------------------------------------------------

TEST_F(CacheTest, ShowsAndPutsAndErasesEntries) {
  h.next = testing::events(kAnswer);
  (void)ask();
  const std::string target = "/entries?key=" + h.store.begin()->first;
  const std::string entry = h.admin(cache, "GET", target).body;

  EXPECT_EQ(h.admin(cache, "DELETE", target).status, 204);
  EXPECT_EQ(h.admin(cache, "GET", target).status, 404);
  EXPECT_EQ(h.admin(cache, "PUT", target, entry).status, 204);
  EXPECT_EQ(ask().events, kAnswer);
  EXPECT_EQ(h.admin(cache, "DELETE", "/entries").status, 204);
  EXPECT_EQ(ask().header("X-Cache"), "miss");
}

TEST_F(CacheTest, RefusesEntriesThatItWouldNotKeepItself) {
  const std::string target = "/entries?key=" + std::string(64, 'a');
  for (
      const char* body :
      {"{}", R"({"events":[]})", R"({"events":[{"kind":"text","text":"Hel"}]})",
       R"({"events":[{"kind":"step-finish","name":"length"}]})",
       R"({"events":[{"kind":"step-finish","name":"stop"}]})",
       R"({"events":[{"kind":"text","text":"Hi"},{"kind":"tool-call","id":"1"},{"kind":"step-finish","name":"stop"}]})"}) {
    EXPECT_EQ(h.admin(cache, "PUT", target, body).failure.code, "entry_invalid") << body;
  }
  const std::string id(1 << 20, 'x');
  EXPECT_EQ(
      h.admin(
           cache, "PUT", target,
           R"({"events":[{"kind":"text","text":"Hi"},{"kind":"step-finish","name":"stop","id":")" +
               id + R"("}]})")
          .status,
      413);
  EXPECT_TRUE(h.store.empty());
}

TEST_F(CacheTest, TakesKeysOnlyAsItShowsThem) {
  for (const std::string key : {"", "key=", "key=abc", "key=../x", "KEY=x"}) {
    EXPECT_EQ(h.admin(cache, "GET", "/entries?" + key).failure.code, "key_invalid") << key;
  }
  EXPECT_EQ(h.admin(cache, "DELETE", "/entries?key=" + std::string(64, 'A')).failure.code,
            "key_invalid");
}

TEST_F(CacheTest, NamesTheKeyForTheAccessLog) {
  h.next = testing::events(kAnswer);
  const std::string notes = ask().notes;
  EXPECT_EQ(notes, R"({"cache_key":")" + h.store.begin()->first + R"(","cache":"miss"})");
}

TEST_F(CacheTest, TellsTheAdministratorThatTheStoreIsDown) {
  h.store_down = true;
  const std::string target = "/entries?key=" + std::string(64, 'a');
  for (const char* method : {"GET", "DELETE"})
    EXPECT_EQ(h.admin(cache, method, target).status, 503);
  EXPECT_EQ(
      h.admin(cache, "PUT", target,
              R"({"events":[{"kind":"text","text":"Hi"},{"kind":"step-finish","name":"stop"}]})")
          .status,
      503);
}

TEST_F(CacheTest, CountsWhatItDid) {
  h.next = testing::answer("Hi");
  (void)ask();
  (void)ask();
  (void)ask(question(kQuestion, {{"Cache-Control", "no-cache"}}));
  const std::string size = std::to_string(h.store.begin()->second.size());
  EXPECT_EQ(
      h.admin(cache, "GET", "/statistics").body,
      R"({"hit":1,"miss":1,"coalesced":0,"bypass":1,"stored":2,"bytes_served":)" + size + "}");
}

}  // namespace
}  // namespace gatehouse::plugins::cache
