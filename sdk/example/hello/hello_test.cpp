#include "hello.cpp"  // a plugin of one file has no header

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using gatehouse::testing::Harness;

TEST(Hello, GreetsByName) {
  Harness h;
  Hello hello(h.host(), h.config(R"({"greeting": "Good morning"})"));
  EXPECT_EQ(h.get(hello, "/hello?Ada").body, "Good morning, Ada!\n");
}

TEST(Hello, AsksForTheName) {
  Harness h;
  Hello hello(h.host(), h.config("{}"));
  EXPECT_EQ(h.get(hello, "/hello").failure.code, "name_missing");
}

TEST(Hello, LeavesOtherRequestsToOthers) {
  Harness h;
  Hello hello(h.host(), h.config("{}"));
  h.next = gatehouse::testing::answer("someone else");
  EXPECT_EQ(h.get(hello, "/other").body, "someone else");
}

}  // namespace
