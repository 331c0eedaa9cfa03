#include "health.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Harness;

TEST(Health, TellsTheTimeAndHowLongTheGatewayIsUp) {
  Harness h;
  Health health(h.host(), Json());
  h.advance(61s + 5ms);
  const Answer answer = h.get(health, "/health");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.body, R"({"status":"healthy","timestamp":"2025-01-01T00:01:01.005Z","uptime":61005})");
  EXPECT_TRUE(answer.complete);
}

TEST(Health, CountsOnAcrossAReload) {
  Harness before, after;
  Health older(before.host(), Json());
  after.advance(1h);
  Health newer(after.host(), Json());
  newer.adopt(older);
  EXPECT_NE(after.get(newer, "/health").body.find(R"("uptime":3600000)"), std::string::npos);
}

TEST(Health, LeavesOtherRequestsToOthers) {
  Harness h;
  Health health(h.host(), Json());
  h.next = testing::answer("hi");
  EXPECT_EQ(h.get(health, "/health/detailed").body, "hi");
  EXPECT_EQ(h.post(health, "/health", "").body, "hi");
}

}  // namespace
}  // namespace gatehouse
