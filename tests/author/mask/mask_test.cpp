#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "masker.h"

namespace {

using namespace gatehouse::testing;
using acme::mask::Masker;

constexpr char kChat[] = R"({"model": "m", "messages": []})";

Events masked(const Events& lines) {
  Harness h;
  h.be_strict();
  const auto mask = h.create();
  h.next = events(lines);
  return h.ask(*mask, kChat).events;
}

TEST(Masker, FindsAnAddressHoweverTheTextIsCut) {
  const std::string text = "Ask ada.l@mail.example.org. Or not@all, x@y.z!";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (std::size_t j = i; j <= text.size(); ++j) {
      Masker masker("[e-mail]");
      std::string out = masker.feed(text.substr(0, i));
      out += masker.feed(text.substr(i, j - i));
      out += masker.feed(text.substr(j));
      out += masker.finish();
      EXPECT_EQ(out, "Ask [e-mail]. Or not@all, [e-mail]!") << i << " " << j;
    }
  }
}

TEST(Masker, HoldsBackNoMoreThanAnAddressMayHave) {
  Masker masker("[e-mail]");
  EXPECT_EQ(masker.feed(std::string(320, 'x')), "");
  EXPECT_EQ(masker.feed("x"), std::string(321, 'x'));
}

TEST(Mask, MasksText) {
  EXPECT_EQ(
      masked({"step-start", "text:Write to ada@exa", "text:mple.org, please.", "step-finish:stop"}),
      (Events{"step-start", "text:Write to ", "text:[e-mail], ", "text:please.",
              "step-finish:stop"}));
}

TEST(Mask, EndsABlockBeforeTheNextOne) {
  const Events lines = {"step-start", "text:ab", "text#2:cd", "tool-call:1:t:{}",
                        "step-finish:tool-calls"};
  EXPECT_EQ(masked(lines), lines);
}

TEST(Mask, FindsAnAddressAroundAnEventThatEndsNoBlock) {
  EXPECT_EQ(
      masked({"step-start", "text:ada@", R"(usage:{"input_tokens":1})", "text:example.org",
              "step-finish:stop"}),
      (Events{"step-start", R"(usage:{"input_tokens":1})", "text:[e-mail]", "step-finish:stop"}));
}

TEST(Mask, LeavesReasoningAndMetadataAsTheyAre) {
  EXPECT_EQ(masked({"step-start", "reasoning:ada@example.org", R"(text:ab @{"google":{"s":"1"}})",
                    "text:c d", "step-finish:stop"}),
            (Events{"step-start", "reasoning:ada@example.org", R"(text: @{"google":{"s":"1"}})",
                    "text:abc ", "text:d", "step-finish:stop"}));
}

TEST(Mask, EmitsWhatItHoldsBackWhenTheModelFails) {
  Harness h;
  h.be_strict();
  const auto mask = h.create();
  h.next = [](gatehouse::Exchange&, gatehouse::Sink& out) -> gatehouse::Status {
    (void)emit(out, {"step-start", "text:half a wor"});
    return gatehouse::Fail{502, "upstream_broken", "x", {}};
  };
  const Answer a = h.ask(*mask, kChat);
  EXPECT_EQ(a.text, "half a wor");
  EXPECT_EQ(a.failure.code, "upstream_broken");
}

}  // namespace
