#include "options.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "gatehouse/toolkit/model_options.hpp"

namespace gatehouse::plugins::chat {
namespace {

using testing::Harness;

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const Option& option : options()) names.emplace_back(option.name);
  return names;
}

/// What is wrong with options that may all be chosen, or "" if nothing is.
std::string complaint(View given) {
  Harness h;
  return check_options(h.json(given), all_names()).value_or("");
}

TEST(Options, AcceptsValidValues) {
  for (const char* good :
       {R"({"thinking": "off", "temperature": 0, "topP": 1, "topK": 1, "seed": -1,)"
        R"( "stop": ["END"], "toolChoice": "none"})",
        R"({"thinking": 0, "maxOutputTokens": 1, "toolChoice": {"name": "click"},)"
        R"( "providerTools": ["google_search"]})",
        R"({"responseFormat": {}, "modalities": ["text", "image"], "providerTools": []})",
        R"({"responseFormat": {"schema": {"type": "object"}}, "temperature": 1.5})", "{}"}) {
    EXPECT_EQ(complaint(good), "") << good;
  }
}

TEST(Options, NamesWhatIsWrongWithAValue) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("thinking": -1)",
       ".thinking must be off, minimal, low, medium, high, xhigh or a number of tokens"},
      {R"("thinking": 1.5)",
       ".thinking must be off, minimal, low, medium, high, xhigh or a number of tokens"},
      {R"("temperature": 2.1)", ".temperature must be a number from 0 to 2"},
      {R"("temperature": "hot")", ".temperature must be a number from 0 to 2"},
      {R"("maxOutputTokens": 0)", ".maxOutputTokens must be an integer from 1 to 10000000"},
      {R"("maxOutputTokens": 10000001)", ".maxOutputTokens must be an integer from 1 to 10000000"},
      {R"("topP": -0.1)", ".topP must be a number from 0 to 1"},
      {R"("topK": 0)", ".topK must be an integer from 1 to 1000"},
      {R"("seed": 2147483648)", ".seed must be an integer of 32 bits"},
      {R"("stop": [])", ".stop must be an array of 1 to 5 texts of 1 to 256 bytes"},
      {R"("stop": [""])", ".stop must be an array of 1 to 5 texts of 1 to 256 bytes"},
      {R"("stop": ["1", "2", "3", "4", "5", "6"])",
       ".stop must be an array of 1 to 5 texts of 1 to 256 bytes"},
      {R"("toolChoice": "any")",
       ".toolChoice must be auto, none, required or an object with the name of a tool"},
      {R"("toolChoice": {"toolName": "click"})",
       ".toolChoice must be auto, none, required or an object with the name of a tool"},
      {R"("providerTools": [""])",
       ".providerTools must be an array of up to 16 names such as google_search"},
      {R"("providerTools": ["Google Search"])",
       ".providerTools must be an array of up to 16 names such as google_search"},
      {R"("responseFormat": "json")",
       ".responseFormat must be an object, whose schema is an object if it has one"},
      {R"("responseFormat": {"schema": true})",
       ".responseFormat must be an object, whose schema is an object if it has one"},
      {R"("modalities": ["smell"])", ".modalities must be an array of text, image and audio"},
  };
  for (const auto& [given, message] : cases)
    EXPECT_EQ(complaint(std::string("{").append(given).append("}")), message) << given;
}

TEST(Options, RejectsWhatTheOperatorHasNotAllowedAndNamesTheRemedy) {
  Harness h;
  EXPECT_EQ(check_options(h.json(R"({"topP": 0.5})"), {"thinking"}),
            ".topP is not allowed: the gateway's operator can add top_p to chat.model_options");
  EXPECT_EQ(check_options(h.json(R"({"topP": null, "thinking": "low"})"), {"thinking"}),
            std::nullopt);
}

TEST(Options, RejectsUnknownNamesWithoutRepeatingThem) {
  EXPECT_EQ(complaint(R"({"tempature": 1})"),
            " must hold only thinking, temperature, maxOutputTokens, topP, topK, seed, stop, "
            "toolChoice, providerTools, responseFormat, "
            "modalities");
}

/// The members of the chat document for these options.
std::string written(View given, View before = "{}") {
  Harness h;
  const Document chat = testing::parse(before);
  write_model_options(h.json(given), chat.root());
  return chat.root().dump();
}

TEST(Options, ReplaceWhatTheChatDocumentHas) {
  EXPECT_EQ(written(R"({"temperature": 0, "topP": 0.5, "stop": ["END"], "seed": null})",
                    R"({"temperature": 1})"),
            R"({"temperature":0,"top_p":0.5,"stop":["END"]})");
}

TEST(Options, AreWrittenInTheWordsOfTheChatDocument) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"thinking": "high"})", R"({"reasoning":{"effort":"high"}})"},
      {R"({"thinking": "off"})", R"({"reasoning":{"effort":"none"}})"},
      {R"({"thinking": 0})", R"({"reasoning":{"effort":"none"}})"},
      {R"({"thinking": 1024})", R"({"reasoning":{"budget_tokens":1024}})"},
      {R"({"toolChoice": "auto"})", R"({"tool_choice":{"mode":"auto"}})"},
      {R"({"providerTools": ["google_search"]})",
       R"({"provider_tools":[{"name":"google_search"}]})"},
      {R"({"providerTools": []})", R"({"provider_tools":[]})"},
      {R"({"maxOutputTokens": 5, "modalities": ["text"]})",
       R"({"max_output_tokens":5,"modalities":["text"]})"},
  };
  for (const auto& [given, chat] : cases) EXPECT_EQ(written(given), chat) << given;
}

TEST(Options, MustBeHonouredWhereTheResponseWouldElseBeUseless) {
  EXPECT_EQ(written(R"({"toolChoice": "none"})"),
            R"({"tool_choice":{"mode":"none"},"must":["tool_choice"]})");
  EXPECT_EQ(written(R"({"toolChoice": {"name": "click"}})"),
            R"({"tool_choice":{"mode":"required","names":["click"]},"must":["tool_choice"]})");
  EXPECT_EQ(written(R"({"responseFormat": {}})"),
            R"({"response_format":{"type":"json"},"must":["response_format"]})");
  EXPECT_EQ(written(R"({"responseFormat": {"schema": {"type": "object"}}})"),
            R"({"response_format":{"type":"json","schema":{"type":"object"}},)"
            R"("must":["response_format"]})");
}

}  // namespace
}  // namespace gatehouse::plugins::chat
