#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;
using gatehouse::Fail;

constexpr char kConfig[] = R"({"models": {"fast": ["a", "b"]}})";
constexpr char kChat[] = R"({"model": "fast", "messages": []})";
const Events kHi = {"step-start", "text:hi", "step-finish:stop"};
const Fail kOverloaded{503, "overloaded", "Try again.", {}, 0s, GH_FAIL_TRANSIENT};

/// A model that fails after these events.
NextFunction breaks_off(Events lines) {
  return [lines](gatehouse::Exchange&, gatehouse::Sink& out) -> gatehouse::Status {
    (void)emit(out, lines);
    return Fail{502, "upstream_broken", "x", {}, 0s, GH_FAIL_TRANSIENT};
  };
}

TEST(Fallback, TriesTheNextModel) {
  Harness h;
  h.be_strict();
  const auto fallback = h.create(kConfig);
  h.next = in_turn({fails(kOverloaded), events(kHi)});
  EXPECT_EQ(h.ask(*fallback, kChat).events, kHi);
  EXPECT_EQ(h.chats, (std::vector<std::string>{R"({"model":"a","messages":[]})",
                                               R"({"model":"b","messages":[]})"}));
  EXPECT_EQ(h.metrics.at(R"(acme_fallbacks_total{plugin="test"})"), 1);
}

TEST(Fallback, DropsTheStartOfAStepWithoutContent) {
  Harness h;
  h.be_strict();
  const auto fallback = h.create(kConfig);
  h.next = in_turn({breaks_off({"step-start"}), events(kHi)});
  EXPECT_EQ(h.ask(*fallback, kChat).events, kHi);
}

TEST(Fallback, KeepsTheModelWhoseContentHasPassed) {
  Harness h;
  h.be_strict();
  const auto fallback = h.create(kConfig);
  h.next = breaks_off({"step-start", "text:half"});
  EXPECT_EQ(h.ask(*fallback, kChat).failure.code, "upstream_broken");
  EXPECT_EQ(h.next_calls, 1);
}

TEST(Fallback, ReturnsAFaultOfTheRequestAtOnce) {
  Harness h;
  h.be_strict();
  const auto fallback = h.create(kConfig);
  h.next = fails({400, "unsupported", "x", {}});
  EXPECT_EQ(h.ask(*fallback, kChat).failure.code, "unsupported");
  EXPECT_EQ(h.next_calls, 1);
}

TEST(Fallback, ReturnsTheLastFailure) {
  Harness h;
  h.be_strict();
  const auto fallback = h.create(kConfig);
  h.next = in_turn({fails(kOverloaded), fails({500, "second", "x", {}})});
  EXPECT_EQ(h.ask(*fallback, kChat).failure.code, "second");
}

}  // namespace
