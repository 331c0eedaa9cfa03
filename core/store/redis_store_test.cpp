#include "core/store/redis_store.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

#include "core/net/tls.h"
#include "gatehouse/text.hpp"
#include "tests/core/certificates.h"
#include "tests/core/redis_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

class RedisStoreTest : public testing::Test {
 protected:
  ~RedisStoreTest() override { std::filesystem::remove(log_file_); }

  std::unique_ptr<Store> open(const StoreSettings::Redis& settings) {
    return std::make_unique<RedisStore>(settings, *log_);
  }
  /// The result of a call to a store whose server sends `reply` to every command, on the one
  /// connection that it accepts.
  gh_status call_with_reply(const std::string& reply, gh_status (*call)(Store&)) {
    ScriptedServer server({[&](Peer& peer) {
      char command[4096];  // all of it, or closing would reset the connection
      (void)!::recv(peer.fd(), command, sizeof command, 0);
      peer.send(reply);
    }});
    return in_time(*open(at(server)), call);
  }
  static StoreSettings::Redis at(const Listener& server) {
    return {"127.0.0.1", static_cast<std::uint16_t>(std::stoi(server.port()))};
  }

  /// A server that counts, and never takes the value of a SET.
  class FrozenForValues : public Listener {
   public:
    ~FrozenForValues() {
      ::shutdown(fd(), SHUT_RDWR);
      ended_ = true;
      ended_.notify_all();
      acceptor_.join();
      for (std::thread& thread : peers_) thread.join();
    }

   private:
    void accept_all() {
      for (int connection; (connection = ::accept(fd(), nullptr, nullptr)) >= 0;) {
        peers_.emplace_back([this, connection] {
          Peer peer(connection);
          char command[4096];
          for (ssize_t n; (n = ::recv(peer.fd(), command, sizeof command, 0)) > 0;) {
            if (std::string_view(command, static_cast<std::size_t>(n)).find("SET\r\n") !=
                std::string_view::npos) {
              return ended_.wait(false);
            }
            peer.send("*2\r\n:1\r\n:1\r\n");
          }
        });
      }
    }
    std::atomic<bool> ended_ = false;
    std::vector<std::thread> peers_;
    std::thread acceptor_{[this] { accept_all(); }};
  };

  static gh_status get(Store& store) {
    Store::Value value;
    return store.get("a", value);
  }
  static gh_status put(Store& store) { return store.put("a", "x", 1min); }
  static gh_status add(Store& store) {
    std::int64_t total;
    return store.add("a", 1, 1min, total);
  }
  static gh_status take(Store& store) {
    gh_quota quota{raw("quota"), 100, std::chrono::nanoseconds(1min).count(), 1, 0, 0, {}};
    return store.take(&quota, 1);
  }
  static gh_status add_all(Store& store) {
    gh_addition addition{raw("counter"), 1, std::chrono::nanoseconds(1min).count(), 100, 0, {}};
    return store.add_all(&addition, 1);
  }
  static gh_status erase(Store& store) { return store.erase("a"); }
  static gh_status clear(Store& store) { return store.clear("a"); }
  static constexpr gh_status (*kCalls[])(Store&) = {get, put, add, take, add_all, erase, clear};

  /// 50 ms are promised, plus 200 ms to connect; the rest is for a busy machine.
  static gh_status in_time(Store& store, gh_status (*call)(Store&)) {
    const auto begin = Clock::now();
    const gh_status status = call(store);
    EXPECT_LT(Clock::now() - begin, 400ms);
    return status;
  }
  /// Whether `call` succeeds within the time in which a store recovers.
  static bool recovers(Store& store, gh_status (*call)(Store&)) {
    for (const auto until = Clock::now() + 5s; Clock::now() < until; std::this_thread::yield()) {
      if (call(store) == GH_OK) return true;
    }
    return false;
  }

  /// Whether the store becomes degraded with this code, by its own probes.
  static bool rejects_with(Store& store, std::string_view code) {
    store.watch();
    for (const auto until = Clock::now() + 20s; Clock::now() < until; std::this_thread::yield()) {
      const Store::State state = store.state();
      if (state.kind == Store::State::kDegraded && state.reason == code) return true;
    }
    return false;
  }

  /// Everything that was logged; the last call of a test.
  std::string log() {
    log_.reset();
    std::ifstream in(log_file_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  const std::filesystem::path log_file_ = std::filesystem::temp_directory_path() /
                                          ("gatehouse_store_log." + std::to_string(::getpid()));
  std::optional<Log> log_{std::in_place, LogSettings{"info", log_file_.string()}};
};

TEST_F(RedisStoreTest, GatewaysShareOneLimit) {
  RedisServer redis;
  const auto one = open(redis.settings), other = open(redis.settings);
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] {
      for (gh_status status = GH_OK; status != GH_ABSENT; taken += status == GH_OK)
        status = take(i % 2 ? *one : *other);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(taken, 100);
  EXPECT_GE(taken, 50) << "on a busy machine some replies arrive too late";
  const std::string clients = redis.execute({"CLIENT", "LIST"}).text;
  EXPECT_LE(std::count(clients.begin(), clients.end(), '\n'), 2 * 36 + 1)
      << "its connections are bounded";
}

TEST_F(RedisStoreTest, AllKeysHaveItsPrefixAndEnd) {
  RedisServer redis;
  const auto store = open(redis.settings);
  for (const auto call : {put, take}) EXPECT_EQ(call(*store), GH_OK);
  EXPECT_EQ(store->erase("a"), GH_OK);
  EXPECT_EQ(add(*store), GH_OK);
  EXPECT_EQ(redis.execute({"DBSIZE"}).integer, 2);
  EXPECT_GT(redis.execute({"PTTL", "gatehouse:{all}:a"}).integer, 50'000);
  EXPECT_GT(redis.execute({"PTTL", "gatehouse:{all}:quota"}).integer, 50'000);
}

TEST_F(RedisStoreTest, AQuotaGoesOnWhenTheClockIsSetBack) {
  RedisServer redis;
  const auto store = open(redis.settings);
  redis.execute({"RPUSH", "gatehouse:{all}:quota", "9000000000000000:0:1"});  // in the year 2255
  gh_quota quota{raw("quota"), 1, std::chrono::nanoseconds(1min).count(), 1, 0, 0, {}};
  EXPECT_EQ(store->take(&quota, 1), GH_OK);
  EXPECT_EQ(store->take(&quota, 1), GH_ABSENT);
  EXPECT_LE(quota.reset_ns, quota.window_ns);
}

TEST_F(RedisStoreTest, CostsOfOtherGatewaysCount) {
  RedisServer redis;
  const auto one = open(redis.settings), other = open(redis.settings);
  constexpr auto kWindow = std::chrono::nanoseconds(300ms).count();
  const auto take = [](Store& store, std::int64_t cost) {
    gh_quota quota{raw("quota"), 6, kWindow, cost, 0, 0, {}};
    const gh_status status = store.take(&quota, 1);
    return std::pair(status, quota.reset_ns);
  };
  ASSERT_EQ(take(*other, 2).first, GH_OK);
  for (const auto begin = Clock::now(); Clock::now() - begin < 20ms;) std::this_thread::yield();
  ASSERT_EQ(take(*other, 4).first, GH_OK);
  const auto [small, soon] = take(*one, 2);
  const auto [large, later] = take(*one, 3);
  const auto then = Clock::now() + std::chrono::nanoseconds(later);
  EXPECT_EQ(small, GH_ABSENT);
  EXPECT_EQ(large, GH_ABSENT);
  EXPECT_LE(later, kWindow);
  EXPECT_GE(later - soon, std::chrono::nanoseconds(10ms).count());
  while (Clock::now() < then + 1us) std::this_thread::yield();  // Redis counts in microseconds
  EXPECT_EQ(take(*one, 3).first, GH_OK);
}

TEST_F(RedisStoreTest, TheEntriesOfALargeLimitAreFewAndAddUp) {
  RedisServer redis;
  const auto one = open(redis.settings), other = open(redis.settings);
  constexpr auto kWindow = std::chrono::nanoseconds(1h).count();
  gh_quota quota{raw("quota"), 1'000'000, kWindow, 7, 0, 0, {}};
  std::int64_t taken = 0;  // a reply may be late on a busy machine, after Redis has counted
  for (int i = 0; i < 2000; ++i) taken += other->take(&quota, 1) == GH_OK ? 7 : 0;
  EXPECT_LE(redis.execute({"LLEN", "gatehouse:{all}:quota"}).integer, 100)
      << "two takes are merged if they are within 3.6 s of each other";
  quota.cost = 1'000'000 - 1500 * 7;
  EXPECT_EQ(one->take(&quota, 1), GH_ABSENT);
  quota.cost = 1'000'000 - 2000 * 7;
  EXPECT_EQ(one->take(&quota, 1), GH_OK);
  EXPECT_LE(quota.remaining, 2000 * 7 - taken);
}

TEST_F(RedisStoreTest, TheRunningSumOfAQuotaWrapsAround) {
  RedisServer redis;
  const auto store = open(redis.settings);
  const RedisReply time = redis.execute({"TIME"});
  const std::string now =
      time.items[0].text + std::string(6 - time.items[1].text.size(), '0') + time.items[1].text;
  redis.execute({"RPUSH", "gatehouse:{all}:quota", now + ":4503599627370494:1"});  // 2^52 - 2
  gh_quota quota{raw("quota"), 10, std::chrono::nanoseconds(1min).count(), 4, 0, 0, {}};
  EXPECT_EQ(store->take(&quota, 1), GH_OK);
  EXPECT_EQ(quota.remaining, 5);
  EXPECT_EQ(redis.execute({"LINDEX", "gatehouse:{all}:quota", "-1"}).text.substr(16),
            ":4503599627370495:4");
  EXPECT_EQ(store->take(&quota, 1), GH_OK);
  EXPECT_EQ(quota.remaining, 1);
  EXPECT_EQ(redis.execute({"LINDEX", "gatehouse:{all}:quota", "-1"}).text.substr(16), ":3:4");
  EXPECT_EQ(store->take(&quota, 1), GH_ABSENT);
}

TEST_F(RedisStoreTest, NoMoreThanTheLimitPassesHereWhateverRedisReports) {
  RedisServer redis;
  const auto store = open(redis.settings);
  gh_quota quota{raw("quota"), 3, std::chrono::nanoseconds(1min).count(), 1, 0, 0, {}};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(store->take(&quota, 1), GH_OK);
  redis.execute({"FLUSHALL"});
  EXPECT_EQ(store->take(&quota, 1), GH_OK);
  EXPECT_EQ(quota.remaining, 2) << "this is what Redis reports";
  EXPECT_EQ(store->take(&quota, 1), GH_ABSENT);
  EXPECT_EQ(quota.remaining, -1);
  redis.stop();
  EXPECT_EQ(store->take(&quota, 1), GH_ABSENT) << "Redis is not needed";
  EXPECT_EQ(store->take_here(&quota, 1), GH_ABSENT);
}

TEST_F(RedisStoreTest, WhatDidNotPassIsNotCountedHere) {
  RedisServer redis;
  const auto store = open(redis.settings), other = open(redis.settings);
  gh_quota quota{raw("quota"), 2, std::chrono::nanoseconds(1min).count(), 1, 0, 0, {}};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(other->take(&quota, 1), GH_OK);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(store->take(&quota, 1), GH_ABSENT);
  redis.stop();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(store->take(&quota, 1), GH_UNAVAILABLE);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(store->take_here(&quota, 1), GH_OK);
  EXPECT_EQ(store->take_here(&quota, 1), GH_ABSENT);
}

TEST_F(RedisStoreTest, GatewaysShareTheCountersOfAdditions) {
  RedisServer redis;
  const auto one = open(redis.settings), other = open(redis.settings);
  gh_addition a{raw("counter"), 6, std::chrono::nanoseconds(1min).count(), 10, 0, {}};
  EXPECT_EQ(one->add_all(&a, 1), GH_OK);
  EXPECT_EQ(other->add_all(&a, 1), GH_ABSENT);
  EXPECT_EQ(a.total, 6);
  a.by = -2;
  EXPECT_EQ(other->add_all(&a, 1), GH_OK) << "any gateway may give back";
  EXPECT_EQ(a.total, 4);
  a.by = 6;
  EXPECT_EQ(other->add_all(&a, 1), GH_OK);
  EXPECT_EQ(a.total, 10);
  EXPECT_GT(redis.execute({"PTTL", "gatehouse:{all}:counter"}).integer, 50'000);
}

TEST_F(RedisStoreTest, NoMoreThanTheMostIsAddedHereWhateverRedisReports) {
  RedisServer redis;
  const auto store = open(redis.settings);
  gh_addition a{raw("counter"), 4, std::chrono::nanoseconds(1min).count(), 10, 0, {}};
  EXPECT_EQ(store->add_all(&a, 1), GH_OK);
  redis.execute({"FLUSHALL"});
  EXPECT_EQ(store->add_all(&a, 1), GH_OK);
  EXPECT_EQ(a.total, 4) << "this is what Redis reports";
  EXPECT_EQ(store->add_all(&a, 1), GH_ABSENT);
  redis.stop();
  EXPECT_EQ(store->add_all_here(&a, 1), GH_ABSENT);
}

TEST_F(RedisStoreTest, WhatRedisDidNotAddIsNotCountedHere) {
  RedisServer redis;
  const auto store = open(redis.settings), other = open(redis.settings);
  gh_addition a{raw("counter"), 8, std::chrono::nanoseconds(1min).count(), 10, 0, {}};
  EXPECT_EQ(other->add_all(&a, 1), GH_OK);
  EXPECT_EQ(store->add_all(&a, 1), GH_ABSENT);
  redis.stop();
  EXPECT_EQ(store->add_all(&a, 1), GH_UNAVAILABLE);
  EXPECT_EQ(store->add_all_here(&a, 1), GH_OK);
  EXPECT_EQ(a.total, 8);
}

TEST_F(RedisStoreTest, AFailureIsThatCallsOnly) {
  const ScriptedServer::Script is_silent = [](Peer& peer) { (void)peer.rest(); };
  ScriptedServer server({is_silent, is_silent, [](Peer& peer) {
                           char command[4096];
                           while (::recv(peer.fd(), command, sizeof command, 0) > 0)
                             peer.send("$1\r\nx\r\n");
                         }});
  const auto store = open(at(server));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(get(*store), GH_UNAVAILABLE);
  EXPECT_EQ(get(*store), GH_OK);
  EXPECT_EQ(log(), "");
}

TEST_F(RedisStoreTest, ARefusedConnectionIsAnOutageAtOnce) {
  StoreSettings::Redis nowhere;
  {
    RedisServer redis;
    nowhere = redis.settings;
  }
  const auto store = open(nowhere);
  EXPECT_EQ(get(*store), GH_UNAVAILABLE);
  EXPECT_EQ(store->state().kind, Store::State::kDown);
  const std::string address = "127.0.0.1:" + std::to_string(nowhere.port);
  EXPECT_EQ(store->state().reason, address + ": Connection refused");
}

TEST_F(RedisStoreTest, LogsAtStartUpThatItCannotBeReached) {
  StoreSettings::Redis nowhere;
  {
    RedisServer redis;
    nowhere = redis.settings;
  }
  open(nowhere)->watch();
  const std::string text = log();
  EXPECT_NE(text.find("the store is down"), text.npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

TEST_F(RedisStoreTest, ReadingTheStateConnectsToNothing) {
  Listener server;
  const auto store = open(at(server));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(store->up());
  pollfd connection{server.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&connection, 1, 0), 0);
}

TEST_F(RedisStoreTest, NoticesAnOutageAndItsEndWithoutAnyCall) {
  RedisServer redis;
  const auto store = open(redis.settings);
  store->watch();
  const auto becomes_up = [&](bool up) {
    const auto until = Clock::now() + 10s;
    while (store->up() != up && Clock::now() < until) std::this_thread::yield();
    return store->up() == up;
  };
  redis.stop();
  EXPECT_TRUE(becomes_up(false));
  redis.start();
  EXPECT_TRUE(becomes_up(true));
}

TEST_F(RedisStoreTest, LargeValuesThatGetNowhereHoldUpNothing) {
  FrozenForValues server;
  const auto store = open(at(server));
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      while (!done) EXPECT_EQ(store->put("a", std::string(1 << 20, 'x'), 1min), GH_UNAVAILABLE);
    });
  }
  int taken = 0;
  for (int i = 0; i < 50; ++i) taken += take(*store) == GH_OK;
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(taken, 25) << "on a busy machine some replies arrive too late";
  EXPECT_TRUE(store->up());
}

TEST_F(RedisStoreTest, ALargeValueHasTheTimeThatASlowLineNeeds) {
  // 100 Mbit/s carry these in 84 ms, beyond the patience with a small one.
  const std::string value(1 << 20, 'x');
  ScriptedServer server({[&](Peer& peer) {
    char bytes[16384];
    std::size_t received = 0;
    for (ssize_t n; received < value.size() && (n = ::recv(peer.fd(), bytes, sizeof bytes, 0)) > 0;)
      received += static_cast<std::size_t>(n);
    ::usleep(80'000);
    peer.send("+OK\r\n");
    (void)::recv(peer.fd(), bytes, sizeof bytes, 0);
    peer.send("$" + std::to_string(value.size()) + "\r\n" + value.substr(0, value.size() / 2));
    ::usleep(80'000);
    peer.send(value.substr(value.size() / 2) + "\r\n");
  }});
  auto settings = at(server);
  const auto connection = RedisConnection::open(settings, Clock::now() + 5s);
  ASSERT_TRUE(connection) << connection.error().detail;
  const auto stored = (*connection)->execute({"SET", "a", value}, Clock::now() + 45ms);
  ASSERT_TRUE(stored) << stored.error().detail;
  const auto found = (*connection)->execute({"GET", "a"}, Clock::now() + 45ms);
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_EQ(found->text.size(), value.size());
}

TEST_F(RedisStoreTest, AReplicaIsLeftForTheServerThatIsThereNow) {
  RedisServer redis, primary;
  const auto store = open(redis.settings);
  EXPECT_EQ(take(*store), GH_OK);
  redis.execute({"REPLICAOF", "127.0.0.1", std::to_string(primary.settings.port)});
  EXPECT_EQ(take(*store), GH_UNAVAILABLE);
  const std::string clients = redis.execute({"CLIENT", "LIST", "TYPE", "NORMAL"}).text;
  EXPECT_EQ(std::count(clients.begin(), clients.end(), '\n'), 1) << "this one: " << clients;
  EXPECT_TRUE(rejects_with(*store, "READONLY"));
  redis.execute({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(recovers(*store, take));
}

TEST_F(RedisStoreTest, FollowsAClusterToTheNodeThatHasItsKeys) {
  RedisServer redis;
  std::atomic<int> asked = 0;
  ScriptedServer other({[&](Peer& peer) {
    char command[4096];
    while (::recv(peer.fd(), command, sizeof command, 0) > 0) {
      ++asked;
      peer.send("-MOVED 1234 127.0.0.1:" + std::to_string(redis.settings.port) + "\r\n");
    }
  }});
  const auto store = open(at(other));
  EXPECT_TRUE(recovers(*store, take));
  for (const auto call : {put, get, erase, add, clear}) EXPECT_TRUE(recovers(*store, call));
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(store->up());
}

TEST_F(RedisStoreTest, AMoveThatLeadsNowhereIsARejection) {
  for (const char* reply : {"-MOVED\r\n", "-MOVED 1\r\n", "-MOVED 1 host\r\n", "-MOVED 1 host:\r\n",
                            "-MOVED 1 host:x\r\n", "-MOVED 1 :99999\r\n"}) {
    EXPECT_EQ(call_with_reply(reply, get), GH_UNAVAILABLE) << reply;
  }
}

TEST_F(RedisStoreTest, TheQuotasOfOneTakeAreInOneSlotOfACluster) {
  RedisServer redis({"--cluster-enabled", "yes", "--cluster-port", Listener().port()});
  redis.execute({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
  const auto store = open(redis.settings);
  EXPECT_TRUE(recovers(*store, [](Store& s) {
    constexpr auto kMinute = std::chrono::nanoseconds(1min).count();
    gh_quota quotas[] = {{raw("a"), 9, kMinute, 1, 0, 0, {}}, {raw("b"), 9, kMinute, 1, 0, 0, {}}};
    return s.take(quotas, 2);
  }));
  EXPECT_TRUE(recovers(*store, clear));
}

TEST_F(RedisStoreTest, AClusterWithoutItsSlotIsDegraded) {
  RedisServer redis({"--cluster-enabled", "yes", "--cluster-port", Listener().port()});
  const auto store = open(redis.settings);
  EXPECT_EQ(take(*store), GH_UNAVAILABLE);
  EXPECT_TRUE(rejects_with(*store, "CLUSTERDOWN"));
}

TEST_F(RedisStoreTest, IsDegradedByRejectionsWithoutAnyCall) {
  RedisServer redis({"--user", "ann", "on", ">swordfish", "~*", "+get", "+set", "+ping"});
  auto settings = redis.settings;
  settings.user = "ann";
  settings.password = "swordfish";
  const auto store = open(settings);
  EXPECT_EQ(put(*store), GH_OK);
  EXPECT_TRUE(rejects_with(*store, "NOPERM"));
}

TEST_F(RedisStoreTest, RecoversFromARestart) {
  RedisServer redis;
  const auto store = open(redis.settings);
  for (const auto call : kCalls) EXPECT_NE(call(*store), GH_UNAVAILABLE);
  redis.stop();
  for (const auto call : kCalls) EXPECT_EQ(in_time(*store, call), GH_UNAVAILABLE);
  EXPECT_FALSE(store->up());
  redis.start();
  EXPECT_TRUE(recovers(*store, take)) << "its programs must be loaded again";
  for (const auto call : {put, get, add, erase, clear}) EXPECT_NE(call(*store), GH_UNAVAILABLE);
  EXPECT_TRUE(store->up());
  const std::string text = log();
  EXPECT_NE(text.find("the store is down"), text.npos) << text;
  EXPECT_NE(text.find("the store is up again"), text.npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
}

TEST_F(RedisStoreTest, NoCallWaitsForAServerThatHangs) {
  RedisServer redis;
  const auto store = open(redis.settings);
  EXPECT_EQ(put(*store), GH_OK);
  redis.freeze();
  for (int round = 0; round < 2; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 32; ++i) {
      threads.emplace_back(
          [&, i] { EXPECT_EQ(in_time(*store, kCalls[i % std::size(kCalls)]), GH_UNAVAILABLE); });
    }
    for (std::thread& thread : threads) thread.join();
    const auto end = Clock::now() + 1s;  // of the pause
    while (Clock::now() < end) EXPECT_EQ(in_time(*store, get), GH_UNAVAILABLE);
  }
  redis.thaw();
  EXPECT_TRUE(recovers(*store, put));
}

TEST_F(RedisStoreTest, OnceItIsDownNoOldConnectionIsUsed) {
  RedisServer redis;
  const auto store = open(redis.settings);
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) (void)put(*store);
    });
  }
  for (std::thread& thread : threads) thread.join();
  redis.freeze();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(*store), GH_UNAVAILABLE);
  redis.thaw();
  const std::string clients = redis.execute({"CLIENT", "LIST"}).text;
  EXPECT_EQ(std::count(clients.begin(), clients.end(), '\n'), 1) << "this one";
}

TEST_F(RedisStoreTest, NoCallWaitsForAServerThatDoesNotRead) {
  RedisServer redis;
  const auto store = open(redis.settings);
  EXPECT_EQ(put(*store), GH_OK);
  redis.freeze();
  EXPECT_EQ(in_time(*store, [](Store& s) { return s.put("a", std::string(4 << 20, 'x'), 1min); }),
            GH_UNAVAILABLE);
}

TEST_F(RedisStoreTest, NoCallWaitsForAServerThatDrips) {
  ScriptedServer server({[](Peer& peer) {
    peer.send("$1000\r\n");
    for (pollfd fd{peer.fd(), POLLRDHUP, 0}; ::poll(&fd, 1, 5) == 0;) peer.send("x");
  }});
  EXPECT_EQ(in_time(*open(at(server)), get), GH_UNAVAILABLE);
}

TEST_F(RedisStoreTest, AStoreThatIsDownIsNotTriedForASecond) {
  std::atomic<int> connections = 0;
  const ScriptedServer::Script refuse = [&](Peer&) { ++connections; };
  ScriptedServer server(std::vector(10, refuse));
  const auto store = open(at(server));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(*store), GH_UNAVAILABLE);
  const auto stop = Clock::now() + 1500ms;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (Clock::now() < stop) EXPECT_EQ(get(*store), GH_UNAVAILABLE);
    });
  }
  for (std::thread& thread : threads) thread.join();
  server.wait_for_end_of(4);
  EXPECT_EQ(connections, 4);
}

TEST_F(RedisStoreTest, GarbageIsAnOutage) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "*1\r\n";
  const std::string kGarbage[] = {"",
                                  "\r\n",
                                  "hello\r\n",
                                  "HTTP/1.1 400 Bad Request\r\n\r\n",
                                  "$5\r\nab",
                                  "$99999999999999\r\n",
                                  "$2000000000\r\n",
                                  "$-2\r\n",
                                  "$x\r\n",
                                  "$3\r\nabcdef\r\n",
                                  "*1000000000\r\n",
                                  "*-5\r\n",
                                  "*1\r\n",
                                  "*2\r\n:1\r\n",
                                  "%1\r\n+a\r\n+b\r\n",
                                  ":99999999999999999999\r\n",
                                  ":1",
                                  deep,
                                  std::string(300'000, '+'),
                                  "$20000000\r\n" + std::string(20'000'000, 'x') + "\r\n"};
  for (const std::string& reply : kGarbage) {
    for (const auto call : kCalls)
      EXPECT_EQ(call_with_reply(reply, call), GH_UNAVAILABLE) << reply.substr(0, 40);
  }
}

TEST_F(RedisStoreTest, AReplyOfTheWrongTypeIsAnOutage) {
  const struct {
    const char* reply;
    gh_status (*call)(Store&);
  } kCases[] = {
      {":1\r\n", get},
      {"+OK\r\n", get},
      {"$2\r\nOK\r\n", put},
      {"*0\r\n", erase},
      {":1\r\n", add},
      {"$1\r\nx\r\n", add},
      {"$-1\r\n", add},
      {"$20\r\n99999999999999999999\r\n", add},
      {":1\r\n", take},
      {"*0\r\n", take},
      {"*1\r\n:1\r\n", take},
      {"*3\r\n:1\r\n:1\r\n:1\r\n", take},
      {"*2\r\n:1\r\n:-1\r\n", take},
      {"*2\r\n:-2\r\n:1\r\n", take},
      {"*2\r\n:1\r\n:9223372036854775807\r\n", take},
      {"*2\r\n$1\r\n1\r\n:1\r\n", take},
      {":1\r\n", add_all},
      {"*1\r\n:1\r\n", add_all},
      {"*3\r\n:1\r\n:1\r\n:1\r\n", add_all},
      {"*2\r\n$1\r\n1\r\n:1\r\n", add_all},
      {"*0\r\n", clear},
      {"*2\r\n*0\r\n*0\r\n", clear},
  };
  for (const auto& [reply, call] : kCases)
    EXPECT_EQ(call_with_reply(reply, call), GH_UNAVAILABLE) << reply;
}

TEST_F(RedisStoreTest, AnIdleConnectionThatWasClosedIsNoOutage) {
  RedisServer redis;
  const auto store = open(redis.settings);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(put(*store), GH_OK);
    redis.execute({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  }
}

TEST_F(RedisStoreTest, ProgramsThatRedisForgotAreLoadedAgain) {
  RedisServer redis;
  const auto store = open(redis.settings);
  for (const auto call : {take, add}) {
    EXPECT_EQ(call(*store), GH_OK);
    redis.execute({"SCRIPT", "FLUSH"});
    EXPECT_EQ(call(*store), GH_OK);
  }
}

TEST_F(RedisStoreTest, AFullRedisStillReturnsWhatItHas) {
  RedisServer redis;
  const auto store = open(redis.settings);
  EXPECT_EQ(put(*store), GH_OK);
  redis.execute({"CONFIG", "SET", "maxmemory", "1"});
  for (const auto call : {put, add, take}) EXPECT_EQ(call(*store), GH_UNAVAILABLE);
  EXPECT_EQ(get(*store), GH_OK) << "there is no pause after a reply that came at once";
  EXPECT_TRUE(rejects_with(*store, "OOM"));
  const std::string text = log();
  EXPECT_NE(text.find("OOM"), text.npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

TEST_F(RedisStoreTest, UsersAndPasswordsAreSent) {
  RedisServer redis({"--user", "ann", "on", ">swordfish", "~*", "+@all"}, "mackerel");
  EXPECT_EQ(put(*open(redis.settings)), GH_OK);
  auto settings = redis.settings;
  settings.user = "ann";
  const auto refused = open(settings);
  EXPECT_EQ(get(*refused), GH_UNAVAILABLE) << "the password of another";
  EXPECT_TRUE(rejects_with(*refused, "WRONGPASS"));
  settings.password = "swordfish";
  EXPECT_EQ(get(*open(settings)), GH_OK);
  settings.user = settings.password = "";
  EXPECT_EQ(get(*open(settings)), GH_UNAVAILABLE) << "none at all";
  const std::string text = log();
  EXPECT_NE(text.find("WRONGPASS: Redis rejected the user or the password"), text.npos) << text;
  EXPECT_NE(text.find("NOAUTH"), text.npos) << text;
  for (const char* secret : {"swordfish", "mackerel"})
    EXPECT_EQ(text.find(secret), text.npos) << text;
}

TEST_F(RedisStoreTest, ChecksTheCertificateOfAServerWithTls) {
  std::signal(SIGPIPE, SIG_IGN);  // as main() does: OpenSSL writes without MSG_NOSIGNAL
  const Certificates& certificates = Certificates::shared();
  RedisServer redis({"--tls-auth-clients", "no", "--tls-cert-file", certificates.path("good.pem"),
                     "--tls-key-file", certificates.path("good.key"), "--tls-ca-cert-file",
                     certificates.path("ca.pem"), "--bind", "127.0.0.1", "127.0.0.2"},
                    "swordfish", true);
  const auto store = open(redis.settings);
  for (const auto call : {put, get, erase, add, take, clear}) EXPECT_TRUE(recovers(*store, call));
  EXPECT_TRUE(
      recovers(*store, [](Store& s) { return s.put("large", std::string(4 << 20, 'x'), 1min); }));
  EXPECT_TRUE(recovers(*store, [](Store& s) {
    Store::Value value;
    const gh_status status = s.get("large", value);
    return status == GH_OK && value->size() != 4u << 20 ? GH_FAILED : status;
  }));

  auto settings = redis.settings;
  settings.host = "127.0.0.2";
  const auto stranger = open(settings);
  EXPECT_EQ(put(*stranger), GH_UNAVAILABLE);
  EXPECT_EQ(stranger->state().kind, Store::State::kDown);
  EXPECT_NE(stranger->state().reason.find("ertificate"), std::string::npos)
      << stranger->state().reason;
}

TEST_F(RedisStoreTest, TrustsTheAuthoritiesOfTheConfiguration) {
  std::signal(SIGPIPE, SIG_IGN);  // as main() does: OpenSSL writes without MSG_NOSIGNAL
  const Certificates& certificates = Certificates::shared();
  std::ifstream file(certificates.path("stranger.pem"));
  const std::string authority(std::istreambuf_iterator<char>(file), {});
  trust_authorities(authority);
  const std::string name = "unknown-authority";
  RedisServer redis(
      {"--tls-auth-clients", "no", "--tls-cert-file", certificates.path(name + ".pem"),
       "--tls-key-file", certificates.path(name + ".key"), "--tls-ca-cert-file",
       certificates.path("stranger.pem")},
      {}, true);
  EXPECT_TRUE(recovers(*open(redis.settings), put));
  trust_authorities("");
  EXPECT_EQ(put(*open(redis.settings)), GH_UNAVAILABLE);
}

TEST_F(RedisStoreTest, DatabasesAreApart) {
  RedisServer redis;
  auto settings = redis.settings;
  settings.database = 3;
  EXPECT_EQ(put(*open(settings)), GH_OK);
  EXPECT_EQ(get(*open(redis.settings)), GH_ABSENT);
  EXPECT_EQ(get(*open(settings)), GH_OK);
  settings.database = 99;
  EXPECT_EQ(get(*open(settings)), GH_UNAVAILABLE);
  const std::string text = log();
  EXPECT_NE(text.find("Redis rejected the number of the database"), text.npos) << text;
}

}  // namespace
}  // namespace gatehouse::core
