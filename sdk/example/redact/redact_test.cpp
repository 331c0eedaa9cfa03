#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;

TEST(Redact, ReplacesAWordHoweverItIsSplit) {
  const std::string text = "The password is secret, a secret!";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    Harness h;
    h.be_strict();
    const auto plugin = h.create(R"({"words": ["secret"]})");
    h.next = events({"step-start", "text:" + text.substr(0, cut), "text:" + text.substr(cut),
                     "step-finish:stop"});
    const Answer a = h.ask(*plugin, R"({"messages": []})");
    EXPECT_EQ(a.text, "The password is ***, a ***!") << cut;
  }
}

TEST(Redact, HoldsNothingBackAtTheEnd) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create(R"({"words": ["secret"]})");
  h.next = events({"step-start", "text:no sec", "step-finish:stop"});
  EXPECT_EQ(h.ask(*plugin, R"({"messages": []})").events,
            (Events{"step-start", "text:no ", "text:sec", "step-finish:stop"}));
}

}  // namespace
