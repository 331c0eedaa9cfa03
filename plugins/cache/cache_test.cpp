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

const std::string kChat =
    R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})";
const Events kResponse = {"step-start",
                          "reasoning:Hm\n",
                          R"(text#7:Grüß "dich" @{"google":{"thoughtSignature":"a=="}})",
                          "source:1:Title:https://example.org/?a=b",
                          "file:image/png:AAAA",
                          R"(data:search-suggestions:{"html":"<div>q</div>"})",
                          R"(response:{"model":"m-1","id":"r"})",
                          R"(usage:{"input_tokens":3,"cost":0.25})",
                          "step-finish:stop"};

Request chat_request(View chat = kChat, testing::Headers headers = {}) {
  Request request("POST", "/api/chat");
  request.chat = chat;
  request.headers = std::move(headers);
  return request;
}

class CacheTest : public ::testing::Test {
 protected:
  Answer ask(const Request& request) { return h.run(cache, request); }
  Answer ask() { return ask(chat_request()); }

  Harness h;
  Cache cache{h.host(), h.config("{}")};
};

// ---- Hits --------------------------------------------------------------------------------------

TEST_F(CacheTest, ReplaysAResponseEventByEvent) {
  h.next = testing::events(kResponse);
  const Answer first = ask();
  h.advance(7s);
  const Answer second = ask();

  EXPECT_EQ(first.events, kResponse);
  EXPECT_EQ(first.header("X-Cache"), "miss");
  EXPECT_EQ(first.header("Age"), "");
  EXPECT_EQ(second.events, kResponse);
  EXPECT_EQ(second.header("X-Cache"), "hit");
  EXPECT_EQ(second.header("Age"), "7");
  EXPECT_EQ(h.next_calls, 1);
  EXPECT_EQ(h.metrics[R"(gatehouse_cache_requests_total{plugin="test",result="hit"})"], 1);
  EXPECT_EQ(h.metrics[R"(gatehouse_cache_requests_total{plugin="test",result="miss"})"], 1);
}

TEST_F(CacheTest, ForgetsAResponseAfterItsTtl) {
  h.next = testing::events(kResponse);
  (void)ask();
  h.advance(59s);
  (void)ask();
  EXPECT_EQ(h.next_calls, 1);
  h.advance(1s);
  (void)ask();
  EXPECT_EQ(h.next_calls, 2);
}

TEST_F(CacheTest, SendsAPlausibleAgeWhateverTheClocksDo) {
  h.next = testing::answer("Hi");
  (void)ask();
  h.store.begin()->second.replace(6, 10, "9999999999");
  EXPECT_EQ(ask().header("Age"), "0");
  h.store.begin()->second.replace(6, 10, "1000000000");
  EXPECT_EQ(ask().header("Age"), "60");
}

TEST_F(CacheTest, SeparatesRequestsThatDifferInAnything) {
  const std::string same =
      R"("messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}])";
  const std::vector<std::string> different = {
      kChat,
      R"({"model":"n",)" + same + "}",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi "}]}]})",
      R"({"model":"m","messages":[{"role":"assistant","content":[{"type":"text","text":"Hi"}]}]})",
      R"({"model":"m",)" + same + R"(,"system":[{"type":"text","text":"Be brief."}]})",
      R"({"model":"m",)" + same + R"(,"temperature":0.5})",
      R"({"model":"m",)" + same + R"(,"temperature":0.50001})",
      R"({"model":"m",)" + same + R"(,"max_output_tokens":1})",
      R"({"model":"m",)" + same + R"(,"response_format":{"type":"json"}})",
      R"({"model":"m",)" + same + R"(,"tools":[{"name":"a"}]})",
      R"({"model":"m",)" + same + R"(,"backend_tools":["a"]})",
      R"({"model":"m",)" + same + R"(,"workflow":"w"})"};
  h.next = testing::events(kResponse);
  for (const std::string& chat : different)
    EXPECT_EQ(ask(chat_request(chat)).header("X-Cache"), "miss") << chat;
  for (const std::string& chat : different)
    EXPECT_EQ(ask(chat_request(chat)).header("X-Cache"), "hit") << chat;
}

// ---- Whose entries -----------------------------------------------------------------------------

class CacheOwner : public CacheTest {
 protected:
  std::string ask_as(testing::CallerText caller, testing::Headers headers = {},
                     std::string client = "192.0.2.1") {
    h.next = testing::events(kResponse);
    Request request = chat_request(kChat, std::move(headers));
    request.caller = std::move(caller);
    request.client = std::move(client);
    return ask(request).header("X-Cache");
  }
};

TEST_F(CacheOwner, IsTheAuthenticatedUserOfATenant) {
  EXPECT_EQ(ask_as({"ab", "c", "k"}), "miss");
  EXPECT_EQ(ask_as({"ab", "d", "k"}), "miss");
  EXPECT_EQ(ask_as({"a", "bc", "k"}), "miss");
  EXPECT_EQ(ask_as({"abc", "", ""}), "miss");
  EXPECT_EQ(ask_as({"ab", "c", "another"}, {{"Authorization", "Bearer new"}}, "192.0.2.2"), "hit");
}

TEST_F(CacheOwner, IsTheTenantOfAKeyWithoutUser) {
  EXPECT_EQ(ask_as({"ada", "", "laptop"}, {{"x-api-key", "1"}}), "miss");
  EXPECT_EQ(ask_as({"bob", "", "laptop"}, {{"x-api-key", "2"}}), "miss");
  EXPECT_EQ(ask_as({"ada", "", "desk"}, {{"x-api-key", "3"}}, "192.0.2.2"), "hit");
}

TEST_F(CacheOwner, IsAClientThatShowsTheSameCredentialsWhereNobodyAuthenticates) {
  for (const char* name : {"Authorization", "Cookie", "X-Api-Key", "X-Extension-ID"}) {
    EXPECT_EQ(ask_as({}, {{name, "Alice"}}), "miss") << name;
    EXPECT_EQ(ask_as({}, {{name, "Bob"}}), "miss") << name;
    EXPECT_EQ(ask_as({}, {{name, "Alice"}}), "hit") << name;
  }
  EXPECT_EQ(ask_as({}), "miss");
  EXPECT_EQ(ask_as({}, {{"User-Agent", "curl"}}), "hit");
}

TEST_F(CacheOwner, IsAtOneAddressUnlessItIsAuthenticated) {
  EXPECT_EQ(ask_as({}, {}, "192.0.2.1"), "miss");
  EXPECT_EQ(ask_as({}, {}, "192.0.2.2"), "miss");
  EXPECT_EQ(ask_as({"claimed", "", ""}, {}, "192.0.2.1"), "miss");
  EXPECT_EQ(ask_as({"claimed", "", ""}, {}, "192.0.2.2"), "miss");
  EXPECT_EQ(ask_as({"claimed", "", ""}, {}, "192.0.2.1"), "hit");
}

TEST(Cache, SharesEntriesAmongAllCallersWhenTheOperatorWants) {
  Harness h;
  Cache cache(h.host(), h.config(R"({"share": true})"));
  h.next = testing::events(kResponse);
  EXPECT_EQ(h.run(cache, chat_request(kChat, {{"Cookie", "a"}})).header("X-Cache"), "miss");
  EXPECT_EQ(h.run(cache, chat_request(kChat, {{"Cookie", "b"}})).header("X-Cache"), "hit");
}

TEST_F(CacheTest, NeitherStoresNorLooksUpForNoStore) {
  h.next = testing::events(kResponse);
  EXPECT_EQ(ask(chat_request(kChat, {{"Cache-Control", "max-age=0, No-Store"}})).header("X-Cache"),
            "bypass");
  EXPECT_TRUE(h.store.empty());
  (void)ask();
  EXPECT_EQ(ask(chat_request(kChat, {{"Cache-Control", "no-store"}})).header("X-Cache"), "bypass");
  EXPECT_EQ(h.next_calls, 3);
}

TEST_F(CacheTest, FetchesAFreshResponseForNoCacheAndKeepsIt) {
  h.next = testing::in_turn({testing::answer("old"), testing::answer("new")});
  (void)ask();
  EXPECT_EQ(ask(chat_request(kChat, {{"Cache-Control", "no-cache"}})).text, "new");
  EXPECT_EQ(ask().text, "new");
  EXPECT_EQ(h.next_calls, 2);
}

TEST_F(CacheTest, FetchesAFreshResponseForARegeneration) {
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
  EXPECT_EQ(h.run(regenerate, chat_request(kChat)).text, "new");
  EXPECT_EQ(ask().text, "new");
}

// ---- What is stored ----------------------------------------------------------------------------

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
    return Fail{502, "upstream_broken", "The upstream broke off its response.", {}};
  };
}

/// A complete response but for this event in it.
NextFunction emits_at_the_end(gh_event event) {
  return [event](Exchange&, Sink& out) -> Status {
    (void)testing::emit(out, {"step-start", "text:Hi"});
    (void)out.emit(event);
    return testing::emit(out, {"step-finish:stop"});
  };
}
gh_event unknown_kind() { return event::make(0x3fff); }
gh_event event_with_reserved_word() {
  gh_event e = event::text("!");
  e.reserved[3] = 1;
  return e;
}

INSTANTIATE_TEST_SUITE_P(
    Cache, NeverKept,
    ::testing::Values(
        testing::fails({503, "overloaded", "Try again.", {}}),
        breaks_off({"step-start", "text:Hel"}), breaks_off(kResponse),
        ends_with(kResponse, GH_STOP), ends_with(kResponse, GH_CANCELLED),
        testing::events({"step-start", "text:Hel"}),
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
        testing::events({"step-start", "text+preliminary:Hel", "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "data+must:chart:{}", "step-finish:stop"}),
        testing::events({"step-start", "text:Hi", "custom:com.acme.map:{}", "step-finish:stop"}),
        emits_at_the_end(unknown_kind()), emits_at_the_end(event_with_reserved_word())));

TEST_F(CacheTest, KeepsAResponseWhoseTokenCountsCameLast) {
  const Events late_usage = {"step-start", "text:Hi", "step-finish:stop",
                             R"(usage:{"total_tokens":3})"};
  h.next = testing::events(late_usage);
  (void)ask();
  EXPECT_EQ(ask().events, late_usage);
  EXPECT_EQ(h.next_calls, 1);
}

TEST_F(CacheTest, KeepsAResponseToARequestWithToolsIfNoneWasCalled) {
  h.next = testing::events(kResponse);
  const std::string chat = R"({"model":"m","messages":[],"tools":[{"name":"t"}]})";
  EXPECT_EQ(ask(chat_request(chat)).header("X-Cache"), "miss");
  EXPECT_EQ(ask(chat_request(chat)).header("X-Cache"), "hit");
}

TEST_F(CacheTest, KeepsNothingOfAResponseWhoseClientLeft) {
  h.next = testing::events(kResponse);
  Request request = chat_request();
  request.leaves_after = 3;
  EXPECT_EQ(ask(request).code, GH_STOP);
  EXPECT_TRUE(h.store.empty());
}

TEST(Cache, KeepsNoResponseOverTheLimit) {
  Harness h;
  Cache cache(h.host(), h.config(R"({"max_entry": "128B"})"));
  const std::string other = R"({"model":"n"})";
  h.next = testing::in_turn({testing::answer("short"), testing::answer(std::string(128, 'x'))});
  (void)h.run(cache, chat_request());
  (void)h.run(cache, chat_request(other));
  EXPECT_EQ(h.run(cache, chat_request()).header("X-Cache"), "hit");
  EXPECT_EQ(h.run(cache, chat_request(other)).header("X-Cache"), "miss");
}

TEST_F(CacheTest, TreatsADamagedEntryAsAMiss) {
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

TEST_F(CacheTest, WorksWithoutTheStoreAndWarnsOnceAMinute) {
  h.next = testing::events(kResponse);
  h.store_down = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask().events, kResponse);
  EXPECT_EQ(h.logs.size(), 1u);
  h.advance(1min);
  (void)ask();
  EXPECT_EQ(h.logs.size(), 2u);
}

// ---- Single flight -----------------------------------------------------------------------------

/// A client with its own thread. It can disconnect, or stall after its first event.
class Client {
 public:
  enum Begins { kReading, kStalled, kGone };
  Client(Harness& h, Cache& cache, std::chrono::nanoseconds time_limit = 1h,
         Begins begins = kReading)
      : reading_(cache, *this),
        request_(chat_request()),
        gone_(begins == kGone),
        stalled_(begins == kStalled) {
    request_.gone = &gone_;
    request_.time_limit = time_limit;
    thread_ = std::thread([this, &h] { answer_ = h.run(reading_, request_); });
  }
  ~Client() { (void)answer(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Until this many events have reached it.
  void await(std::size_t events) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 10s, [&] { return events_ >= events; }));
  }
  /// Ends the stall of one that began stalled.
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

/// A model that stops after its second event, until `gate` is woken.
class SingleFlight : public CacheTest {
 protected:
  SingleFlight() {
    h.next = [this](Exchange& x, Sink& out) -> Status {
      if (Status status = testing::emit(out, {"step-start", "text:Hel"}); !status) return status;
      if (auto woken = gate.wait(x, 1h); !woken) return woken.error();
      return rest(x, out);
    };
  }

  /// On the leader's thread: until there is a follower. The leader's client has left, so that only
  /// a follower makes it continue.
  void await_follower(const Exchange& x) {
    leads.set_value();
    while (!x.cancelled()) std::this_thread::yield();
  }

  Waker gate{h.host()};
  std::promise<void> leads;
  NextFunction rest = testing::events({"text:lo", "step-finish:stop"});
  const Events whole = {"step-start", "text:Hel", "text:lo", "step-finish:stop"};
};

TEST_F(SingleFlight, GivesAllFollowersTheResponseOfOneCall) {
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

TEST_F(SingleFlight, CoalescesManyConcurrentRequestsIntoOneCall) {
  gate.wake();
  std::deque<Client> clients;
  for (int i = 0; i < 40; ++i) clients.emplace_back(h, cache);
  for (Client& client : clients) EXPECT_EQ(client.answer().events, whole);
  EXPECT_EQ(h.next_calls, 1);
}

TEST_F(SingleFlight, ContinuesForTheOthersWhenTheLeaderLeaves) {
  Client leader(h, cache);
  leader.await(2);
  Client follower(h, cache);
  follower.await(2);
  leader.leave();
  gate.wake();
  EXPECT_EQ(follower.answer().events, whole);
  EXPECT_EQ(leader.answer().code, GH_STOP);
  EXPECT_EQ(leader.answer().events.size(), 2u);
  EXPECT_EQ(ask().header("X-Cache"), "hit");
}

TEST_F(SingleFlight, EndsTheCallWhenTheLastOneLeaves) {
  Client leader(h, cache);
  leader.await(2);
  Client follower(h, cache);
  follower.await(2);
  leader.leave();
  follower.leave();
  EXPECT_EQ(follower.answer().code, GH_STOP);
  EXPECT_EQ(leader.answer().code, GH_STOP);
  EXPECT_EQ(leader.answer().events.size(), 2u);
  EXPECT_TRUE(h.store.empty());
}

TEST_F(SingleFlight, FailsForAllFollowers) {
  rest = testing::fails({429, "quota", "Slow down.", "detail", 7s});
  Client leader(h, cache);
  leader.await(2);
  Client follower(h, cache);
  follower.await(2);
  gate.wake();
  for (Client* client : {&leader, &follower}) {
    EXPECT_EQ(client->answer().failure.code, "quota");
    EXPECT_EQ(client->answer().failure.detail, "detail");
    EXPECT_EQ(client->answer().header("Retry-After"), "7");
  }
}

TEST_F(SingleFlight, LetsFollowersWithoutAnEventRetryWhenTheLeaderRunsOutOfTime) {
  h.next = testing::in_turn({[this](Exchange& x, Sink&) {
                               await_follower(x);
                               h.advance(2s);
                               return x.cancelled();
                             },
                             testing::answer("Hello")});
  Client leader(h, cache, 1s, Client::kGone);
  leads.get_future().wait();
  Client follower(h, cache);
  EXPECT_EQ(follower.answer().text, "Hello");
  EXPECT_EQ(leader.answer().code, GH_CANCELLED);
  EXPECT_EQ(h.next_calls, 2);
}

TEST_F(SingleFlight, FailsForFollowersInTheMiddleWhenTheLeaderRunsOutOfTime) {
  Client leader(h, cache, 1s);
  leader.await(2);
  Client follower(h, cache);
  follower.await(2);
  h.advance(2s);
  EXPECT_EQ(leader.answer().code, GH_CANCELLED);
  EXPECT_EQ(follower.answer().failure.code, "upstream_broken");
  EXPECT_EQ(h.next_calls, 1);
}

TEST_F(SingleFlight, SharesNoToolCall) {
  h.next =
      testing::in_turn({[this](Exchange& x, Sink& out) {
                          await_follower(x);
                          (void)testing::emit(out, {"tool-call:1:t:{}", "step-finish:tool-calls"});
                          return x.cancelled();
                        },
                        testing::answer("Hello")});
  Client leader(h, cache, 1h, Client::kGone);
  leads.get_future().wait();
  Client follower(h, cache);
  EXPECT_EQ(follower.answer().events, (Events{"step-start", "text:Hello", "step-finish:stop"}));
}

TEST_F(SingleFlight, LetsNobodyFollowAToolCall) {
  h.next =
      testing::in_turn({[this](Exchange&, Sink& out) {
                          (void)testing::emit(out, {"step-start", "tool-call:1:t:{}"});
                          EXPECT_EQ(ask().text, "inner");  // as a follower it would wait for ever
                          return testing::emit(out, {"step-finish:tool-calls"});
                        },
                        testing::answer("inner")});
  EXPECT_EQ(ask().events, (Events{"step-start", "tool-call:1:t:{}", "step-finish:tool-calls"}));
}

TEST_F(SingleFlight, IsNotForRequestsWithTools) {
  for (const char* tools :
       {R"({"model":"m","tools":[{"name":"t"}]})", R"({"model":"m","backend_tools":["t"]})"}) {
    Request request = chat_request(tools);
    request.time_limit = 1s;
    h.next = testing::in_turn(
        {[&](Exchange&, Sink& out) {
           EXPECT_EQ(ask(request).text, "inner");  // as a follower it would wait for ever
           return testing::emit(out, {"step-start", "text:outer", "step-finish:stop"});
         },
         testing::answer("inner")});
    EXPECT_EQ(ask(request).text, "outer");
  }
}

TEST_F(SingleFlight, LetsASlowFollowerHoldUpNobody) {
  Client leader(h, cache);
  leader.await(2);
  Client follower(h, cache, 1h, Client::kStalled);
  follower.await(1);
  gate.wake();
  EXPECT_EQ(leader.answer().events, whole);
  EXPECT_EQ(follower.answer().events, whole);
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

TEST_F(SmallEntries, AreNoLimitForFollowers) {
  Client leader(h, cache);
  leader.await(2);
  Client follower(h, cache);
  follower.await(1);
  gate.wake();
  EXPECT_EQ(follower.answer().events.size(), 103u);
  EXPECT_EQ(leader.answer().events, follower.answer().events);
  EXPECT_TRUE(h.store.empty());
}

TEST_F(SmallEntries, MakeTheLeaderWaitForASlowFollower) {
  Client leader(h, cache, 1min);
  leader.await(2);
  Client follower(h, cache, 1h, Client::kStalled);
  follower.await(1);
  gate.wake();
  leader.await(6);
  h.advance(2min);
  EXPECT_EQ(leader.answer().code, GH_CANCELLED);
  EXPECT_LT(leader.answer().events.size(), 50u);
}

TEST_F(SmallEntries, LetTheLeaderContinueWhenItIsAlone) {
  rest.insert(rest.begin(), "tool-call:1:t:{}");
  Client leader(h, cache);
  leader.await(2);
  Client follower(h, cache, 1h, Client::kStalled);
  follower.await(1);
  gate.wake();
  EXPECT_EQ(leader.answer().events.size(), 104u);
}

TEST_F(SmallEntries, LetTheLeaderContinueWhenTheSlowFollowerLeaves) {
  Client leader(h, cache);
  leader.await(2);
  Client follower(h, cache, 1h, Client::kStalled);
  follower.await(1);
  gate.wake();
  leader.await(6);
  follower.leave();
  EXPECT_EQ(follower.answer().code, GH_STOP);
  EXPECT_EQ(leader.answer().events.size(), 103u);
}

// ---- Admin routes ------------------------------------------------------------------------------

TEST_F(CacheTest, ShowsAndPutsAndErasesEntries) {
  h.next = testing::events(kResponse);
  (void)ask();
  const std::string target = "/entries?key=" + h.store.begin()->first;
  const std::string entry = h.admin(cache, "GET", target).body;

  EXPECT_EQ(h.admin(cache, "DELETE", target).status, 204);
  EXPECT_EQ(h.admin(cache, "GET", target).status, 404);
  EXPECT_EQ(h.admin(cache, "PUT", target, entry).status, 204);
  EXPECT_EQ(ask().events, kResponse);
  EXPECT_EQ(h.admin(cache, "DELETE", "/entries").status, 204);
  EXPECT_EQ(ask().header("X-Cache"), "miss");
}

TEST_F(CacheTest, RejectsEntriesThatItWouldNotStoreItself) {
  const std::string target = "/entries?key=" + std::string(64, 'a');
  for (const char* body :
       {"{}", R"({"events":[]})", R"({"events":[{"kind":"text","text":"Hel"}]})",
        R"({"events":[{"kind":"step-finish","name":"length"}]})",
        R"({"events":[{"kind":"step-finish","name":"stop"}]})",
        R"({"events":[{"kind":"text","text":"Hi"},{"kind":"tool-call","id":"1"},)"
        R"({"kind":"step-finish","name":"stop"}]})"}) {
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

TEST_F(CacheTest, AcceptsKeysOnlyAsItShowsThem) {
  for (const std::string key : {"", "key=", "key=abc", "key=../x", "KEY=x"}) {
    EXPECT_EQ(h.admin(cache, "GET", "/entries?" + key).failure.code, "key_invalid") << key;
  }
  EXPECT_EQ(h.admin(cache, "DELETE", "/entries?key=" + std::string(64, 'A')).failure.code,
            "key_invalid");
}

TEST_F(CacheTest, NotesTheKeyForTheAccessLog) {
  h.next = testing::events(kResponse);
  const std::string notes = ask().notes;
  EXPECT_EQ(notes, R"({"cache_key":")" + h.store.begin()->first + R"(","cache":"miss"})");
}

TEST_F(CacheTest, ReportsToTheAdministratorThatTheStoreIsDown) {
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
  (void)ask(chat_request(kChat, {{"Cache-Control", "no-cache"}}));
  const std::string size = std::to_string(h.store.begin()->second.size());
  EXPECT_EQ(
      h.admin(cache, "GET", "/statistics").body,
      R"({"hit":1,"miss":1,"coalesced":0,"bypass":1,"stored":2,"bytes_served":)" + size + "}");
}

}  // namespace
}  // namespace gatehouse::plugins::cache
