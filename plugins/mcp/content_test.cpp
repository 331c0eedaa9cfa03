#include "content.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::mcp {
namespace {

/// The parts that these events make.
std::string content_of(const testing::Events& events) {
  testing::Harness h;
  class Collect final : public Sink {
   public:
    Status emit(Event e) override {
      content.add(e);
      return Status();
    }
    Content content;
  } collect;
  (void)testing::emit(collect, events);
  return collect.content.complete().dump();
}

TEST(Content, JoinsTheDeltasOfABlock) {
  EXPECT_EQ(content_of({"reasoning:H", "reasoning:m", "text:One ", "text:moment"}),
            R"([{"type":"reasoning","text":"Hm"},{"type":"text","text":"One moment"}])");
  EXPECT_EQ(content_of({"text#1:a", "text#2:b"}),
            R"([{"type":"text","text":"a"},{"type":"text","text":"b"}])");
}

TEST(Content, EndsABlockAtAnythingButCountsAndNotices) {
  EXPECT_EQ(content_of({"text:a", "usage:{}", "warning:seed:not supported",
                        R"(response:{"id":"r"})", "data:chart:{}", "text:b"}),
            R"([{"type":"text","text":"ab"}])");
  EXPECT_EQ(content_of({"text:a", "source:1:Title:https://example.org/", "text:b"}),
            R"([{"type":"text","text":"a"},{"type":"text","text":"b"}])");
  EXPECT_EQ(content_of({"text:a", "tool-call:c1:t:{}", "text:b"}),
            R"([{"type":"text","text":"a"},{"type":"tool-call","id":"c1","name":"t","input":{}},)"
            R"({"type":"text","text":"b"}])");
}

TEST(Content, KeepsBlocksWithMetadataAndNoText) {
  EXPECT_EQ(content_of({R"(reasoning: @{"anthropic":{"redactedData":"x"}})", "text:Hi"}),
            R"([{"type":"reasoning","metadata":{"anthropic":{"redactedData":"x"}},"text":""},)"
            R"({"type":"text","text":"Hi"}])");
  EXPECT_EQ(content_of({"tool-call:c1:t:{}", R"(text: @{"google":{"thoughtSignature":"s"}})"}),
            R"([{"type":"tool-call","id":"c1","name":"t","input":{}},)"
            R"({"type":"text","metadata":{"google":{"thoughtSignature":"s"}},"text":""}])");
  EXPECT_EQ(content_of({"text:", "step-start"}), "null");
}

TEST(Content, KeepsTheLastMetadataOfABlock) {
  EXPECT_EQ(content_of({R"(text:a @{"p":{"n":1}})", R"(text: @{"p":{"n":2}})"}),
            R"([{"type":"text","metadata":{"p":{"n":2}},"text":"a"}])");
}

TEST(Content, KeepsFiles) {
  EXPECT_EQ(content_of({R"(file:image/png:AAAA @{"google":{"thoughtSignature":"s"}})"}),
            R"([{"type":"file","media_type":"image/png","data":"AAAA",)"
            R"("metadata":{"google":{"thoughtSignature":"s"}}}])");
}

TEST(Content, KeepsCallsThatTheProviderRanWithTheirFinalResults) {
  EXPECT_EQ(
      content_of({R"(tool-call+provider-executed:c1:search:{"q":"x"} @{"p":{"n":1}})",
                  "tool-output+provider-executed+preliminary:c1:[]", "text:Hm",
                  R"(tool-output+provider-executed:c1:["found"])", "tool-output+dynamic:c2:{}"}),
      R"([{"type":"tool-call","id":"c1","name":"search","input":{"q":"x"},)"
      R"("metadata":{"p":{"n":1}},"provider_executed":true},{"type":"text","text":"Hm"},)"
      R"({"type":"tool-result","id":"c1","name":"search","output":["found"],)"
      R"("provider_executed":true}])");
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
