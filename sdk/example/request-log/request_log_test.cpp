#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;

TEST(RequestLog, LogsTheStatusAndTheBytes) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = answer("hello");
  EXPECT_EQ(h.get(*plugin, "/x").body, "hello");
  EXPECT_EQ(h.logs.at(0),
            R"(info: request {"method":"GET","path":"/x","status":200,"bytes":5,"ms":0})");
}

TEST(RequestLog, LogsTheStatusOfAFailure) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = fails({503, "overloaded", "Try again.", {}});
  EXPECT_EQ(h.get(*plugin, "/x").status, 503);
  EXPECT_NE(h.logs.at(0).find(R"("status":503)"), std::string::npos) << h.logs[0];
}

TEST(RequestLog, WarnsOfASlowRequest) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create(R"({"slow": "20ms"})");
  h.next = [&h](gatehouse::Exchange& x, gatehouse::Sink& out) {
    h.advance(21ms);
    return x.reply(out, 200, "text/plain", "late");
  };
  (void)h.get(*plugin, "/x");
  EXPECT_EQ(h.logs.at(0).substr(0, 5), "warn:");
}

}  // namespace
