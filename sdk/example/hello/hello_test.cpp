#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using gatehouse::testing::Harness;

TEST(Hello, GreetsByName) {
  Harness h;
  const auto hello = h.create(R"({"greeting": "Good morning"})");
  EXPECT_EQ(h.get(*hello, "/hello?Ada").body, "Good morning, Ada!\n");
}

TEST(Hello, RequiresAName) {
  Harness h;
  const auto hello = h.create();
  EXPECT_EQ(h.get(*hello, "/hello").failure.code, "name_missing");
}

TEST(Hello, PassesOtherRequestsOn) {
  Harness h;
  const auto hello = h.create();
  h.next = gatehouse::testing::answer("someone else");
  EXPECT_EQ(h.get(*hello, "/other").body, "someone else");
}

}  // namespace
