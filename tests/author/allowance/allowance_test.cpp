#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;

constexpr char kTen[] = R"({"tokens": 10, "window": "1m"})";

Request chat_of(const std::string& user) {
  Request r("POST", "/api/chat");
  r.chat = R"({"model": "m", "messages": []})";
  r.caller = {"acme", user, ""};
  return r;
}

TEST(Allowance, RejectsACallerWhoseTokensAreUsedUpUntilTheNextWindow) {
  Harness h;
  h.be_strict();
  const auto allowance = h.create(kTen);
  h.next = events({"step-start", "text:hi", R"(usage:{"input_tokens":3,"output_tokens":1})",
                   R"(usage:{"input_tokens":4,"output_tokens":2})", "step-finish:tool-calls",
                   "step-start", R"(usage:{"input_tokens":5})", "step-finish:stop"});
  EXPECT_EQ(h.run(*allowance, chat_of("ada")).notes, R"({"allowance_tokens":11})");

  const Answer rejected = h.run(*allowance, chat_of("ada"));
  EXPECT_EQ(rejected.failure.code, "allowance_exhausted");
  EXPECT_EQ(rejected.header("Retry-After"), "60");
  EXPECT_EQ(h.run(*allowance, chat_of("bob")).status, 200);

  h.advance(60s);
  EXPECT_EQ(h.run(*allowance, chat_of("ada")).status, 200);
}

TEST(Allowance, EstimatesTheTokensOfAClientThatHasLeft) {
  Harness h;
  h.be_strict();
  const auto allowance = h.create(kTen);
  h.next = events({"step-start", "text:" + std::string(40, 'x'), "text:y", "step-finish:stop"});
  Request r = chat_of("ada");
  r.leaves_after = 2;
  EXPECT_EQ(h.run(*allowance, r).code, GH_STOP);
  EXPECT_EQ(h.run(*allowance, chat_of("ada")).status, 429);
}

TEST(Allowance, CountsNothingWithoutTheStore) {
  Harness h;
  h.be_strict();
  const auto allowance = h.create(kTen);
  h.next = answer("hi");
  h.store_down = true;
  EXPECT_EQ(h.run(*allowance, chat_of("ada")).text, "hi");
  EXPECT_EQ(h.logs,
            (std::vector<std::string>{"warn: the store is unavailable: tokens are not counted"}));
}

}  // namespace
