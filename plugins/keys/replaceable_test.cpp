#include "replaceable.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatehouse::plugins::keys {
namespace {

/// Two members that are always equal, and rubbish once it is freed.
struct Pair {
  explicit Pair(int value = 0) : first(value), second(value) {}
  ~Pair() { first = -1; }
  int first, second;
};

TEST(Replaceable, IsReadByManyThreadsWhileOneReplacesIt) {
  Replaceable<Pair> value;
  std::atomic<bool> ends{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 20; ++i) {  // more than it has shards
    readers.emplace_back([&] {
      for (int last = 0; !ends;) {
        const int seen =
            value.read([](const Pair& p) { return p.first == p.second ? p.first : -1; });
        if (seen < last) ++torn;
        last = seen;
        std::this_thread::yield();
      }
    });
  }
  for (int i = 1; i <= 100; ++i) value.replace(std::make_unique<Pair>(i));
  ends = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(value.read([](const Pair& p) { return p.second; }), 100);
}

TEST(Replaceable, KeepsTheOldValueUntilItsReadersHaveLeft) {
  Replaceable<Pair> value;
  std::atomic<bool> is_reading{false}, has_replaced{false};
  std::atomic<int> seen{0};
  std::thread reader([&] {
    value.read([&](const Pair& p) {
      is_reading = true;
      for (int i = 0; i < 100; ++i) std::this_thread::yield();
      seen = has_replaced ? -2 : p.first;
      return 0;
    });
  });
  while (!is_reading) std::this_thread::yield();
  value.replace(std::make_unique<Pair>(1));
  has_replaced = true;
  reader.join();
  EXPECT_EQ(seen, 0);
}

}  // namespace
}  // namespace gatehouse::plugins::keys
