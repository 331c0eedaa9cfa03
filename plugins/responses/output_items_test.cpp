#include "output_items.h"

#include <gtest/gtest.h>

#include "encrypted_content.h"
#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::responses {
namespace {

using testing::Events;
using testing::Harness;

/// What each item is, for a client that requests no summary: "message completed: Hello".
std::vector<std::string> items(const Events& events, bool shows_summary = false) {
  const Harness binds_json;
  OutputItems out("R", {shows_summary, false}, nullptr);
  EXPECT_TRUE(testing::emit(out, events));
  const Document parsed = testing::parse("[" + std::string(out.items()) + "]");
  std::vector<std::string> lines;
  for (const Json item : parsed.root()) {
    const View text = item["content"].at(0)["text"].str(item["arguments"].str());
    std::string line(item["type"].str());
    line.append(" ").append(item["status"].str()).append(": ");
    lines.push_back(line.append(item["summary"].at(0)["text"].str(text)));
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(OutputItems, AreOneForEachBlock) {
  EXPECT_EQ(items({"step-start", "text:a", "text:b", "text#2:c", "step-finish:stop", "step-start",
                   "text:d", "step-finish:stop"}),
            (Lines{"message completed: ab", "message completed: c", "message completed: d"}));
}

TEST(OutputItems, LeaveOutWhatIsEmpty) {
  EXPECT_EQ(items({"step-start", "text:", "reasoning:", "step-finish:stop"}), Lines());
}

TEST(OutputItems, SayWhichOneWasCut) {
  EXPECT_EQ(items({"step-start", "text:a", "tool-input-start:c:n", "tool-input-delta:c:{}",
                   "tool-call:c:n:{}", "step-finish:length"})
                .front(),
            "message completed: a");
  EXPECT_EQ(items({"step-start", "text:a", "step-finish:length"}),
            (Lines{"message incomplete: a"}));
}

TEST(OutputItems, ShowASummaryOnRequest) {
  const Events events = {"step-start", "reasoning:a", "reasoning:b", "text:c", "step-finish:stop"};
  EXPECT_EQ(items(events), (Lines{"message completed: c"}));
  EXPECT_EQ(items(events, true), (Lines{"reasoning completed: ab", "message completed: c"}));
}

TEST(OutputItems, EndReasoningWithItsSignature) {
  const Events events = {"step-start", "reasoning:a", R"(reasoning: @{"anthropic":{"s":"1"}})",
                         "reasoning:b", "step-finish:stop"};
  EXPECT_EQ(items(events), (Lines{"reasoning completed: "}));
  EXPECT_EQ(items(events, true), (Lines{"reasoning completed: a", "reasoning completed: b"}));
}

}  // namespace
}  // namespace gatehouse::plugins::responses
