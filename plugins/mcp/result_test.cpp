#include "result.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using testing::Harness;

std::string cut(View result, std::size_t max_bytes) {
  Harness h;
  return cut_result(h.config(result), max_bytes).root().dump();
}

TEST(Result, IsCutWithinItsText) {
  EXPECT_EQ(
      cut(R"({"content": [{"type": "text", "text": "0123456789"}]})", 4),
      R"({"content":[{"type":"text","text":"0123"},{"type":"text","text":"[The result was longer than 4 bytes; the rest is left out. Ask for less at a time.]"}]})");
}

TEST(Result, IsNotCutWithinACharacter) {
  EXPECT_NE(cut(R"({"content": [{"type": "text", "text": "aää"}]})", 4).find("\"a\xc3\xa4\""), std::string::npos);
}

TEST(Result, KeepsTheItemsThatFitAndThatItIsAnError) {
  const std::string out = cut(
      R"({"content": [{"type": "text", "text": "first"}, {"type": "image", "data": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}], "isError": true})",
      40);
  EXPECT_NE(out.find("first"), std::string::npos);
  EXPECT_EQ(out.find("image"), std::string::npos);
  EXPECT_NE(out.find(R"("isError":true)"), std::string::npos);
}

TEST(Result, LosesStructureThatDoesNotFit) {
  EXPECT_NE(cut(R"({"structuredContent": {"a": 1}})", 7).find("structuredContent"), std::string::npos);
  EXPECT_EQ(cut(R"({"structuredContent": {"a": 1}})", 6).find("structuredContent"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse
