#include "core/server/threads.h"

#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <thread>

namespace gatehouse::core {
namespace {

TEST(Threads, RunAllWorkAtOnce) {
  constexpr int kMany = 20;
  std::latch all(kMany);  // each waits for the others
  Threads threads;
  for (int i = 0; i < kMany; ++i) EXPECT_TRUE(threads.run([&] { all.arrive_and_wait(); }));
  all.wait();
}

TEST(Threads, ServeSeveralTimes) {
  std::set<std::thread::id> seen;
  Threads threads;
  for (int i = 0; i < 50; ++i) {
    std::latch done(1);
    EXPECT_TRUE(threads.run([&] {
      seen.insert(std::this_thread::get_id());
      done.count_down();
    }));
    done.wait();
  }
  EXPECT_LT(seen.size(), 50u);
}

}  // namespace
}  // namespace gatehouse::core
