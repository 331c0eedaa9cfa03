#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;
using Lines = std::vector<std::string>;

TEST(Tag, NamesTheServerAndLogsTheRequest) {
  Harness h;
  h.be_strict();
  const auto tag = h.create(R"({"name": "eu-1"})");
  h.next = answer("hello");
  const Answer a = h.get(*tag, "/x");
  EXPECT_EQ(a.header("X-Served-By"), "eu-1");
  EXPECT_EQ(a.body, "hello");
  EXPECT_EQ(h.logs, (Lines{R"(info: served {"method":"GET","path":"/x","status":200,)"
                           R"("bytes":5,"ms":0})"}));
}

TEST(Tag, LogsTheStatusOfAFailure) {
  Harness h;
  h.be_strict();
  const auto tag = h.create(R"({"name": "eu-1"})");
  h.next = fails({503, "overloaded", "Try again.", {}});
  EXPECT_EQ(h.get(*tag, "/x").status, 503);
  EXPECT_NE(h.logs.at(0).find(R"("status":503)"), std::string::npos) << h.logs[0];
}

TEST(Tag, WarnsOfASlowRequest) {
  Harness h;
  h.be_strict();
  const auto tag = h.create(R"({"name": "eu-1", "slow_ms": 20})");
  h.next = [&h](gatehouse::Exchange& x, gatehouse::Sink& out) {
    h.advance(std::chrono::milliseconds(21));
    return x.reply(out, 200, "text/plain", "late");
  };
  (void)h.get(*tag, "/x");
  EXPECT_EQ(h.logs.at(0).substr(0, 5), "warn:");
}

}  // namespace
