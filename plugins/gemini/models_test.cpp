#include "models.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "settings.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace testing;
using std::chrono::days;

/// Midnight of a day.
std::chrono::nanoseconds day(int year, unsigned month, unsigned date) {
  return std::chrono::sys_days(std::chrono::year(year) / month / date).time_since_epoch();
}

/// An operator's models.json.
constexpr View kOwn = R"({
  "as_of": "2024-12-01",
  "families": {"f": {"levels": ["low"], "sampling": false}},
  "images": {"names": ["draw"], "rules": {"functions": false}},
  "models": {"": {"family": "f"}, "a": {"family": "f", "sampling": true, "ends": "2025-02-01",
    "successor": "b"},
             "a-1": {"family": "f", "gone": true, "successor": "a"}, "x": {"gone": true,
               "successor": "y"}, "y": {"gone": true, "successor": "x"},
             "old": {"gone": true}, "late": {"ends": "2025-06-01"},
               "late-gone": {"ends": "2025-01-01", "successor": "b"}}})";

struct Own {
  Harness h;
  Models models;
  Own() : models(with_file(h), "own.json") {}
  static Host with_file(Harness& h) {
    h.files["own.json"] = kOwn;
    return h.host();
  }
};

TEST(Models, KnowsAModelByTheLongestNameThatItBeginsWith) {
  Harness h;
  const Models models(h.host(), {});
  const std::vector<std::pair<std::string, std::string>> table = {
      {"gemini-3.5-flash", "gemini-3.5-flash"},
      {"gemini-3.5-flash-lite", "gemini-3.5-flash-lite"},
      {"gemini-3.5-flash-001", "gemini-3.5-flash"},
      {"gemini-3.1-pro-preview-customtools", "gemini-3.1-pro-preview"},
      {"gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"},
      {"gemini-4-argon-eap", "gemini-4-"},
      {"gemini-flash-latest", "gemini-"},
      {"gemini-5-xenon", "gemini-"},
      {"gemma-3n-e4b-it", "gemma-"},
      {"gemma-3-27b-it", "gemma-3-"},
      {"my-proxys-model", ""},
  };
  for (const auto& [name, expected] : table) EXPECT_EQ(models.find(name).name, expected) << name;
}

TEST(Models, TakesTheRulesOfAFamilyUnlessTheModelHasItsOwn) {
  Own own;
  EXPECT_FALSE(own.models.find("unknown").sampling);
  EXPECT_TRUE(own.models.find("a").sampling);
  EXPECT_EQ(own.models.find("a").levels, std::vector<std::string>{"low"});
  EXPECT_TRUE(own.models.find("a").functions);
  EXPECT_FALSE(own.models.find("a-draws").functions);
}

TEST(Models, AsksForTheSuccessorOfAModelThatIsGone) {
  Own own;
  for (const auto& [asked, expected] : std::vector<std::pair<View, View>>{
           {"a", "a"}, {"a-1", "a"}, {"old", "old"}, {"unknown", "unknown"}}) {
    EXPECT_EQ(own.models.current(asked), expected);
  }
  EXPECT_TRUE(own.models.current("x") == "x" ||
              own.models.current("x") == "y");  // and does not go round for ever

  Harness h;
  const Models models(h.host(), {});
  EXPECT_EQ(models.current("gemini-2.0-flash"), "gemini-3.5-flash-lite");
  EXPECT_EQ(models.current("gemini-3-pro-preview"), "gemini-3.1-pro-preview");
  EXPECT_EQ(models.current("gemini-2.5-pro"),
            "gemini-2.5-pro");  // a date in a file is no proof
}

TEST(Models, AsksForTheSuccessorOnceGeminiSaysThatAModelIsGone) {
  Own own;
  EXPECT_TRUE(own.models.note_gone("a"));
  EXPECT_EQ(own.models.current("a"), "b");
  EXPECT_EQ(own.models.current("a-1"), "b");
  EXPECT_EQ(own.models.current("a-2"), "a-2");
  EXPECT_FALSE(own.models.note_gone("a-3"));  // an unknown name is no evidence about `a`
  EXPECT_FALSE(own.models.note_gone("old"));
}

TEST(Models, TellsWhichModelsEnd) {
  Own own;
  const std::vector<std::pair<std::chrono::nanoseconds, std::string>> table = {
      {day(2024, 11, 2), ""},
      {day(2024, 11, 3), "ends on 2025-02-01; its successor is b"},
      {day(2025, 1, 31) + std::chrono::hours(23), "ends on 2025-02-01; its successor is b"},
      {day(2025, 2, 1), "ended on 2025-02-01; its successor is b"},
  };
  for (const auto& [now, expected] : table) EXPECT_EQ(own.models.ending("a", now), expected);
  EXPECT_EQ(own.models.ending("a-1", day(2025, 1, 1)), "is gone; its successor is a");
  EXPECT_EQ(own.models.ending("old", day(2025, 1, 1)), "is gone");
  EXPECT_EQ(own.models.ending("b", day(2025, 1, 1)), "");
}

TEST(Models, ToldOfADayThatIsLongPastWarns) {
  Harness h;  // it is 2025-01-01 there
  h.files["old.json"] = R"({"as_of": "2024-09-02", "families": {}, "models": {"": {}}})";
  const Models old(h.host(), "old.json");
  EXPECT_EQ(h.warnings, Events{"/models_file: the data about Gemini's models is of 2024-09-02; "
                               "set models_file to newer data"});

  h.warnings.clear();
  h.files["new.json"] = R"({"as_of": "2024-09-03", "families": {}, "models": {"": {}}})";
  const Models recent(h.host(), "new.json"), built_in(h.host(), {});
  EXPECT_TRUE(h.warnings.empty());
}

TEST(Models, RefusesAFileThatCannotBeRead) {
  Harness h;
  const Models models(h.host(), "absent.json");
  EXPECT_EQ(h.problems.size(), 1u);
  EXPECT_EQ(h.problems.at(0).substr(0, 13), "/models_file:");
}

TEST(Settings, OfAModelOverrideTheGeneralOnes) {
  Harness h;
  const Models models(h.host(), {});
  const Settings settings(h.host(),
                          parse(R"({"api_key": "k", "thinking": "low", "temperature": 1, )"
                                R"("models": {"m": {"thinking": "high", "top_k": 2}}})")
                              .root(),
                          models);
  EXPECT_EQ(settings.of("m").dump(), R"({"thinking":"high","temperature":1,"top_k":2})");
  EXPECT_EQ(settings.of("n").dump(), R"({"thinking":"low","temperature":1})");
}

TEST(Settings, OfAModelOverrideSingleMembersOfTheGeneralOnes) {
  Harness h;
  const Models models(h.host(), {});
  const Settings settings(
      h.host(),
      parse(R"({"safety": {"harassment": "off", "hate_speech": "block_only_high"}, )"
            R"("models": {"m": {"safety": {"harassment": "block_none"}}}})")
          .root(),
      models);
  EXPECT_EQ(settings.of("m").dump(),
            R"({"safety":{"harassment":"block_none","hate_speech":"block_only_high"}})");
}

TEST(Settings, WarnOfWhatAModelCannotDo) {
  Harness h;
  const Models models(h.host(), {});
  const Settings settings(h.host(),
                          parse(R"({"models": {
      "gemini-3.8-flash": {"temperature": 1, "top_p": 1, "top_k": 1, "max_output_tokens": 65537,
        "thinking": "minimal"},
      "gemini-4-argon": {"max_output_tokens": 200000, "thinking": 100},
      "gemini-2.5-pro": {"temperature": 1, "thinking": "off"},
        "gemini-2.5-flash": {"thinking": "off", "builtin_tools": ["google_search"]},
      "gemma-3-27b-it": {"builtin_tools": ["google_search"]}}})")
                              .root(),
                          models);
  EXPECT_EQ(
      h.warnings,
      (Events{
          "/models/gemini-3.8-flash/temperature: gemini-3.8-flash ignores temperature, so it is "
          "not sent",
          "/models/gemini-3.8-flash/top_p: gemini-3.8-flash ignores top_p, so it is not sent",
          "/models/gemini-3.8-flash/top_k: gemini-3.8-flash ignores top_k, so it is not sent",
          "/models/gemini-3.8-flash/max_output_tokens: gemini-3.8-flash responds with at most "
          "65536 tokens",
          "/models/gemini-3.8-flash/thinking: gemini-3.8-flash does not have this setting, so it "
          "uses the nearest one: low",
          "/models/gemini-4-argon/thinking: gemini-4-argon does not have this setting, so it uses "
          "the nearest one: low",
          "/models/gemini-2.5-pro/thinking: gemini-2.5-pro does not have this setting, so it uses "
          "the nearest one: 128",
          "/models/gemini-2.5-flash/builtin_tools: gemini-2.5-flash does not combine Google's "
          "tools with functions, which take precedence",
          "/models/gemma-3-27b-it/builtin_tools: gemma-3-27b-it has none of the tools that Google "
          "runs"}));
}

TEST(Settings, WarnOfModelsThatEnd) {
  Harness h;
  h.files["own.json"] = kOwn;
  const Models models(h.host(), "own.json");
  const Settings settings(
      h.host(), parse(R"({"models": {"a": {}, "a-1": {}, "late": {}, "late-gone": {}}})").root(),
      models);
  EXPECT_EQ(h.warnings,
            (Events{"/models/a: a ends on 2025-02-01; its successor is b",
                    "/models/a-1: a-1 is gone; its successor is a",
                    "/models/late-gone: late-gone ended on 2025-01-01; its successor is b"}));
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
