#include "requests.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gatehouse::plugins::console {
namespace {

struct RequestsTest : ::testing::Test {
  Requests requests;

  void add(int count) {
    for (int i = 0; i < count; ++i) requests.add([](Request&) {});
  }
  std::vector<std::uint64_t> numbers_after(std::uint64_t number) {
    std::vector<std::uint64_t> out;
    requests.after(number, [&out](const Request& r) { out.push_back(r.number); });
    return out;
  }
};

TEST_F(RequestsTest, KeepsTheLastFiveHundred) {
  add(501);
  const auto numbers = numbers_after(0);
  ASSERT_EQ(numbers.size(), 500u);
  EXPECT_EQ(numbers.front(), 2u);
  EXPECT_EQ(numbers.back(), 501u);
}

TEST_F(RequestsTest, GivesThoseThatWereNotSeen) {
  add(3);
  EXPECT_EQ(numbers_after(1), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(numbers_after(3), std::vector<std::uint64_t>());
  EXPECT_EQ(requests.after(0, [](const Request&) {}), 3u);
}

TEST_F(RequestsTest, GivesAllToAPageOfAnEarlierProcess) {
  add(2);
  EXPECT_EQ(numbers_after(9000), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(RequestsTest, TakesRequestsOfManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([this] { add(1000); });
  for (int i = 0; i < 100; ++i) numbers_after(0);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(numbers_after(0).size(), 500u);
}

}  // namespace
}  // namespace gatehouse::plugins::console
