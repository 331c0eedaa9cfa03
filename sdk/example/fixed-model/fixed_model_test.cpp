#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;

TEST(FixedModel, RespondsWithItsText) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create(R"({"text": "Hi"})");
  EXPECT_EQ(h.ask(*plugin, R"({"model": "m", "messages": []})").events,
            (Events{"step-start", "text:Hi", "step-finish:stop"}));
}

TEST(FixedModel, RejectsWhatMustBeHonoured) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  EXPECT_EQ(h.ask(*plugin, R"({"messages": [], "must": ["seed"]})").failure.code,
            "unsupported_parameter");
}

}  // namespace
