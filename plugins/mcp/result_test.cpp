#include "result.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::mcp {
namespace {

using testing::Harness;

std::string cut(View result, std::size_t max_bytes) {
  Harness h;
  return cut_result(h.json(result), max_bytes).root().dump();
}

TEST(Result, IsCutWithinItsText) {
  EXPECT_EQ(
      cut(R"({"content": [{"type": "text", "text": "0123456789"}]})", 4),
      R"({"content":[{"type":"text","text":"0123"},{"type":"text","text":")"
      R"([The result was longer than 4 bytes; the rest was omitted. Request less at a time.]"}]})");
}

TEST(Result, IsNotCutWithinACharacter) {
  EXPECT_NE(cut(R"({"content": [{"type": "text", "text": "aää"}]})", 4).find("\"a\xc3\xa4\""),
            std::string::npos);
}

TEST(Result, KeepsTheItemsThatFitAndThatItIsAnError) {
  const std::string out = cut(
      R"({"content": [{"type": "text", "text": "first"},
                      {"type": "image", "data": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],
          "isError": true})",
      40);
  EXPECT_NE(out.find("first"), std::string::npos);
  EXPECT_EQ(out.find("image"), std::string::npos);
  EXPECT_NE(out.find(R"("isError":true)"), std::string::npos);
}

TEST(Result, NamesTheImageThatDidNotFit) {
  const std::string out = cut(
      R"({"content": [{"type": "image", "mimeType": "image/png", "data": "AAAAAAAAAAAA"}]})", 10);
  EXPECT_NE(out.find("[9 bytes of image/png omitted.]"), std::string::npos);
}

TEST(Result, LosesStructureThatDoesNotFit) {
  EXPECT_NE(cut(R"({"structuredContent": {"a": 1}})", 7).find("structuredContent"),
            std::string::npos);
  EXPECT_EQ(cut(R"({"structuredContent": {"a": 1}})", 6).find("structuredContent"),
            std::string::npos);
}

// ---- What the model reads ----------------------------------------------------------------------

/// A tool-result with what the model reads of this CallToolResult.
std::string written(View result) {
  Harness h;
  const Document part;
  write_result(part.root(), h.json(result));
  return part.root().dump();
}

TEST(Result, GivesTextsAsTexts) {
  EXPECT_EQ(written(
                R"({"content": [{"type": "text", "text": "a", "annotations": {}},
                          {"type": "text", "text": "b"}], "_meta": {"x": 1}})"),
            R"({"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})");
  EXPECT_EQ(written(R"({"content": []})"), R"({"content":[]})");
}

TEST(Result, KeepsTheStructureBesideTheTextThatRepeatsIt) {
  EXPECT_EQ(written(
                R"({"content": [{"type": "text", "text": "{\"a\":1}"}],
              "structuredContent": {"a": 1}})"),
            R"({"content":[{"type":"text","text":"{\"a\":1}"}],"structured":{"a":1}})");
}

TEST(Result, GivesStructureWhereThereIsNoText) {
  for (const char* content :
       {"", R"("content": [], )", R"("content": [{"type": "text", "text": " \n"}], )"}) {
    const std::string out =
        written("{" + std::string(content) + R"("structuredContent": {"a": {"$ref": "#"}}})");
    EXPECT_NE(out.find(R"({"type":"text","text":"{\"a\":{\"$ref\":\"#\"}}"})"), std::string::npos)
        << out;
  }
}

TEST(Result, IsAnErrorWhenTheToolFailed) {
  EXPECT_EQ(written(R"({"content": [{"type": "text", "text": "disk is full"}], "isError": true})"),
            R"({"error":true,"content":[{"type":"text","text":"disk is full"}]})");
  EXPECT_EQ(
      written(
          R"({"content": [{"type": "image", "mimeType": "image/png", "data": "iVBORw0K"}],
              "isError": true})"),
      R"({"error":true,"content":[{"type":"text","text":"[6 bytes of image/png omitted.]"}]})");
}

TEST(Result, GivesFilesAsFiles) {
  EXPECT_EQ(written(
                R"({"content": [{"type": "text", "text": "a page"},
                          {"type": "image", "mimeType": "image/png", "data": "iVBORw0K"},
                          {"type": "audio", "mimeType": "audio/wav", "data": "UklGRg"},
                          {"type": "resource", "resource": {"uri": "file:///a.pdf",
                           "mimeType": "application/pdf", "blob": "JVBERg=="}}]})"),
            R"({"content":[{"type":"text","text":"a page"},)"
            R"({"type":"file","media_type":"image/png","data":"iVBORw0K"},)"
            R"({"type":"file","media_type":"audio/wav","data":"UklGRg"},)"
            R"({"type":"file","media_type":"application/pdf","data":"JVBERg=="}]})");
}

TEST(Result, GivesNoBytesThatAProviderWouldRefuse) {
  for (const char* odd :
       {R"("mimeType": "image/png", "data": "data:image/png;base64,iVBORw0K")",
        R"("mimeType": "image/png", "data": "iVBORw0K===")",
        R"("mimeType": "image/png", "data": "iVB=Rw0K")",
        R"("mimeType": "image/png", "data": "====")",
        R"("mimeType": "application/zip", "data": "UEsDBA==")", R"("data": "iVBORw0K")",
        R"("mimeType": "image/<b>", "data": "iVBORw0K")"}) {
    const std::string out =
        written(R"({"content": [{"type": "image", )" + std::string(odd) + "}]}");
    EXPECT_NE(out.find(" omitted.]"), std::string::npos) << out;
    EXPECT_EQ(out.find("iVB"), std::string::npos) << out;
  }
}

TEST(Result, GivesResourcesAndLinksAsTexts) {
  EXPECT_EQ(
      written(
          R"({"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}},
                          {"type": "resource_link", "uri": "file:///b", "name": "b"}]})"),
      R"({"content":[{"type":"text","text":"file:///a:\ninside"},)"
      R"({"type":"text",)"
      R"("text":"{\"type\":\"resource_link\",\"uri\":\"file:///b\",\"name\":\"b\"}"}]})");
}

/// The tool-results of a history whose only one has this output.
std::string rewritten(const std::string& output) {
  Harness h;
  const Json config =
      h.json(R"({"messages": [{"role": "user", "content": []}, {"role": "tool", "content": [)"
             R"({"type": "tool-result", "id": "c", "name": "t", "output": )" +
             output + "}]}]}");
  const Document chat;
  chat.root().set(config);
  rewrite_results(chat.root().edit("messages"));
  return chat.root()["messages"].at(1)["content"].dump();
}

TEST(Result, IsTheSameToTheModelWhenItComesBackWithTheHistory) {
  EXPECT_EQ(rewritten(
                R"({"content": [{"type": "text", "text": "a"},
                          {"type": "image", "mimeType": "image/png", "data": "iVBORw0K"}]})"),
            R"([{"type":"tool-result","id":"c","name":"t","content":[{"type":"text","text":"a"},)"
            R"({"type":"file","media_type":"image/png","data":"iVBORw0K"}]}])");
  EXPECT_EQ(rewritten(
                R"({"content": [{"type": "text", "text": "a"}],
              "structuredContent": {"a": 1}, "_meta": {}})"),
            R"([{"type":"tool-result","id":"c","name":"t","content":[{"type":"text","text":"a"}],)"
            R"("structured":{"a":1}}])");
}

TEST(Result, IsAnErrorToTheModelWhenItComesBackWithTheHistory) {
  EXPECT_EQ(rewritten(R"({"content": [{"type": "text", "text": "no"}], "isError": true})"),
            R"([{"type":"tool-result","id":"c","name":"t","error":true,)"
            R"("content":[{"type":"text","text":"no"}]}])");
}

TEST(Result, OfAnotherShapeStaysAsItIs) {
  for (const char* output :
       {"1", "null", R"("text")", R"({"content":"text"})", R"({"content":[{"type":"paragraph"}]})",
        R"({"content":[{"type":"text","text":"a"}],"title":"t"})", R"({"content":[1]})", "[]"}) {
    EXPECT_EQ(rewritten(output), R"([{"type":"tool-result","id":"c","name":"t","output":)" +
                                     std::string(output) + "}]");
  }
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
