#include "options.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

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
  return check_options(h.config(given), all_names()).value_or("");
}

TEST(Options, TakesWhatAModelCanBeAskedWith) {
  for (
      const char* good :
      {R"({"thinking": "off", "temperature": 0, "topP": 1, "topK": 1, "seed": -1, "stop": ["END"], "toolChoice": "none"})",
       R"({"thinking": 0, "maxOutputTokens": 1, "toolChoice": {"name": "click"}, "providerTools": ["google_search"]})",
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

TEST(Options, RefusesWhatTheOperatorHasNotAllowedAndNamesTheRemedy) {
  Harness h;
  EXPECT_EQ(check_options(h.config(R"({"topP": 0.5})"), {"thinking"}),
            ".topP is not allowed: the gateway's operator can add top_p to chat.model_options");
  EXPECT_EQ(check_options(h.config(R"({"topP": null, "thinking": "low"})"), {"thinking"}),
            std::nullopt);
}

TEST(Options, KnowsNoOthersAndRepeatsNothingOfThem) {
  EXPECT_EQ(complaint(R"({"tempature": 1})"),
            " must hold only thinking, temperature, maxOutputTokens, topP, topK, seed, stop, "
            "toolChoice, providerTools, responseFormat, "
            "modalities");
}

TEST(Options, GoIntoTheChatDocumentUnlessItSaysOtherwise) {
  Harness h;
  const Document chat = testing::parse(R"({"thinking": "high"})");
  write_options(h.config(R"({"thinking": "low", "topP": 0.5, "stop": ["END"], "seed": null})"),
                chat.root());
  EXPECT_EQ(chat.root().dump(), R"({"thinking":"high","top_p":0.5,"stop":["END"]})");
}

}  // namespace
}  // namespace gatehouse::plugins::chat
