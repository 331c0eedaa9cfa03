#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;

TEST(SizeGuard, RejectsALargeBody) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create(R"({"max_bytes": 9})");
  h.next = answer("taken");
  EXPECT_EQ(h.post(*plugin, "/x", "{}", {{"Content-Length", "10"}}).status, 413);
  EXPECT_EQ(h.next_calls, 0);
}

TEST(SizeGuard, PassesOtherRequestsOn) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create(R"({"max_bytes": 9})");
  h.next = answer("taken");
  EXPECT_EQ(h.post(*plugin, "/x", "{}", {{"Content-Length", "9"}}).body, "taken");
  EXPECT_EQ(h.get(*plugin, "/x").body, "taken");
}

}  // namespace
