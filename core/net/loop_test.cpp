#include "core/net/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/net/wait.h"
#include "tests/core/client_end.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr auto kNever = Clock::time_point::max();

/// Two connected, non-blocking sockets.
struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0); }
  ~Pair() {
    for (const int end : ends) ::close(end);
  }
  void send(std::string_view bytes) const {
    EXPECT_EQ(::write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  std::string take() const {
    char bytes[64];
    const ssize_t size = ::read(ends[0], bytes, sizeof bytes);
    Watch::note_end(ends[0], POLLIN);
    return {bytes, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  int ends[2];
};

class LoopTest : public testing::Test {
 protected:
  /// Runs these at the same time, each on a fiber.
  template <class... Work>
  void run(Work... works) {
    (void)(loop_.start(works) && ...);
    loop_.stop();
    loop_.run();
  }
  short wait(int fd, short events, Clock::time_point until = Clock::now() + 10s) {
    pollfd one{fd, events, 0};
    EXPECT_GE(loop_.wait(&one, 1, until), 0);
    return one.revents;
  }

  Loop loop_;
  Pair pair_;
};

TEST_F(LoopTest, AFiberWaitsWhileAnotherRuns) {
  std::string seen;
  run(
      [&] {
        EXPECT_EQ(wait(pair_.ends[0], POLLIN), POLLIN);
        seen = pair_.take();
      },
      [&] { pair_.send("word"); });
  EXPECT_EQ(seen, "word");
}

TEST_F(LoopTest, AWaitEndsAtItsTime) {
  run([&] {
    const auto began = Clock::now();
    EXPECT_EQ(wait(pair_.ends[0], POLLIN, began + 5ms), 0);
    EXPECT_GE(Clock::now(), began + 5ms);
  });
}

TEST_F(LoopTest, AnEarlierAlarmDoesNotEndALaterWait) {
  run(
      [&] {
        EXPECT_EQ(wait(pair_.ends[0], POLLIN, Clock::now() + 20ms), POLLIN);
        (void)pair_.take();
        const auto until = Clock::now() + 60ms;
        EXPECT_EQ(wait(pair_.ends[0], POLLIN, until), 0);
        EXPECT_GE(Clock::now(), until);
      },
      [&] { pair_.send("1"); });
}

TEST_F(LoopTest, SeveralFibersWaitForOneDescriptor) {
  const EventFd done;
  int woken = 0;
  const auto waits = [&] { woken += wait(done.fd(), POLLIN) == POLLIN; };
  run(waits, waits, waits, [&] { done.signal(); });
  EXPECT_EQ(woken, 3);
}

TEST_F(LoopTest, ADescriptorIsWatchedForWhatEachWaitsFor) {
  int readable = 0, writable = 0;
  run([&] { readable = wait(pair_.ends[0], POLLIN); },
      [&] {
        writable = wait(pair_.ends[0], POLLOUT);
        pair_.send("1");
      });
  EXPECT_EQ(readable, POLLIN);
  EXPECT_EQ(writable, POLLOUT);
}

TEST_F(LoopTest, WhatIsNoSocketIsReady) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  run([&] {
    EXPECT_EQ(wait(file, POLLIN), POLLIN);
    ::close(file);
    EXPECT_EQ(wait(file, POLLIN), POLLNVAL);
  });
}

TEST_F(LoopTest, AWatchRemembersWhatHasArrived) {
  run(
      [&] {
        const Watch watch(&loop_, pair_.ends[0]);
        EXPECT_FALSE(watch.may_read());
        EXPECT_EQ(wait(pair_.ends[0], POLLIN), POLLIN);
        EXPECT_TRUE(watch.may_read()) << "nothing has been read";
        EXPECT_EQ(wait(pair_.ends[0], POLLIN), POLLIN);
        (void)pair_.take();
        EXPECT_FALSE(watch.may_read());
        EXPECT_EQ(wait(pair_.ends[0], POLLIN, Clock::now() + 2ms), 0);
      },
      [&] { pair_.send("1"); });
}

TEST_F(LoopTest, AWatchSeesWhatArrivedBeforeIt) {
  pair_.send("1");
  run([&] {
    const Watch watch(&loop_, pair_.ends[0]);
    EXPECT_EQ(wait(pair_.ends[0], POLLIN), POLLIN);
  });
}

TEST_F(LoopTest, AWatchCallsIfNobodyWaits) {
  std::optional<Watch> watch;
  std::string seen;
  loop_.post([&] {
    watch.emplace(&loop_, pair_.ends[0], [&] {
      if (!watch->may_read()) return;  // there is room to write
      seen = pair_.take();
      watch.reset();
      loop_.stop();
    });
    pair_.send("word");
  });
  loop_.run();
  EXPECT_EQ(seen, "word");
}

TEST_F(LoopTest, ADescriptorGetsNoEventOfTheOneThatHadItsNumber) {
  run([&] {
    std::optional<Pair> old(std::in_place);
    std::optional<Watch> watch(std::in_place, &loop_, old->ends[0]);
    old->send("1");
    EXPECT_EQ(wait(old->ends[0], POLLIN), POLLIN);
    const int number = old->ends[0];
    watch.reset();
    old.reset();
    const Pair fresh;
    ASSERT_EQ(fresh.ends[0], number);
    const Watch other(&loop_, fresh.ends[0]);
    EXPECT_EQ(wait(fresh.ends[0], POLLIN, Clock::now() + 5ms), 0);
  });
}

TEST_F(LoopTest, OtherThreadsPost) {
  std::thread other;
  bool called = false;
  loop_.start([&] {
    EventFd done;
    other = std::thread([&] {
      loop_.post([&] {
        called = true;
        done.signal();
      });
    });
    EXPECT_EQ(wait(done.fd(), POLLIN), POLLIN);
  });
  loop_.stop();
  loop_.run();
  other.join();
  EXPECT_TRUE(called);
}

TEST_F(LoopTest, AFiberThatNeverWaitsLetsOthersRun) {
  Waiter busy(-1, -1, kNever, [] { return kNever; });
  bool has_run = false;
  run(
      [&] {
        const auto until = Clock::now() + 10s;
        while (!has_run && Clock::now() < until) EXPECT_EQ(busy.glance(), Wake::ready);
        EXPECT_LT(Clock::now(), until);
      },
      [&] { has_run = true; });
}

TEST_F(LoopTest, AWaiterOnAFiberNoticesClientStopAndDeadline) {
  ClientEnd leaves, stopped, late(Clock::now() + 5ms);
  const auto expect = [](ClientEnd& client, Wake wake) {
    return [&client, wake] { EXPECT_EQ(client.waiter().wait(-1, 0, kNever), wake); };
  };
  run(expect(leaves, Wake::gone), expect(stopped, Wake::cancelled), expect(late, Wake::cancelled),
      [&] {
        leaves.leave();
        stopped.stop();
      });
}

TEST_F(LoopTest, FibersRunBetweenTheEventsOfManySockets) {
  constexpr int kMany = 100;
  std::list<Pair> pairs(kMany);
  std::list<Watch> watches;
  int called = 0;
  run([&] {
    for (const Pair& pair : pairs) watches.emplace_back(&loop_, pair.ends[0], [&] { ++called; });
    int before = 0;
    while (called < kMany) {
      EXPECT_EQ(wait(-1, 0, Clock::now() + 1us), 0);
      EXPECT_LT(called - before, kMany / 2);
      before = called;
    }
    watches.clear();
  });
}

/// Whose destructor waits, as those of tasks do.
struct WaitsAtItsEnd {
  ~WaitsAtItsEnd() {
    EXPECT_EQ(std::uncaught_exceptions(), 1);
    EXPECT_EQ(waiter.wait(-1, 0, Clock::now() + 1ms), Wake::timeout);
    EXPECT_EQ(std::uncaught_exceptions(), 1);
  }
  Waiter waiter{-1, -1, kNever, [] { return kNever; }};
};

TEST_F(LoopTest, FibersWaitWhileExceptionsUnwindTheirStacks) {
  std::string caught;
  const auto fail = [&caught](const char* name) {
    return [&caught, name] {
      try {
        const WaitsAtItsEnd waits;
        throw std::runtime_error(name);
      } catch (const std::runtime_error& e) {
        caught += e.what();
      }
    };
  };
  run(fail("a"), fail("b"), [] {
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    EXPECT_EQ(std::current_exception(), nullptr);
  });
  EXPECT_EQ(caught, "ab");
}

TEST_F(LoopTest, FibersStartOthers) {
  constexpr int kMany = 500;
  int ended = 0;
  const auto start_some = [&] {
    for (int i = 0; i < kMany; ++i) EXPECT_TRUE(loop_.start([&] { ++ended; }));
  };
  run(start_some, start_some);
  EXPECT_EQ(ended, 2 * kMany);
}

TEST_F(LoopTest, ManyFibersEachHaveTheirOwnTime) {
  constexpr int kMany = 500;
  int ended = 0;
  for (int i = 0; i < kMany; ++i) {
    loop_.start([&, i] {
      const auto until = Clock::now() + std::chrono::microseconds(100 * (kMany - i));
      EXPECT_EQ(wait(-1, 0, until), 0);
      EXPECT_GE(Clock::now(), until);
      ++ended;
    });
  }
  loop_.stop();
  loop_.run();
  EXPECT_EQ(ended, kMany);
}

}  // namespace
}  // namespace gatehouse::core
