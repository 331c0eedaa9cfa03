#include "names.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::models {
namespace {

using namespace testing;

TEST(Names, AnExactNameGoesBeforeAPatternAndALongPatternBeforeAShortOne) {
  Harness h;
  Targets targets(h.host());
  const Names names(h.host(), h.config(R"({"names": {"*": "a/*", "gpt-*": "b/gpt-*", "gpt-5": "c/m",
                                           "gpt-5*": "d/x-*"}})"),
                    targets);
  const auto led = [&](View model) {
    const Name& name = *names.find(model);
    const Target& target = *name.choices.at(0).target;
    return target.provider() + "/" + name.model_of(target, model);
  };
  EXPECT_EQ(led("gpt-5"), "c/m");
  EXPECT_EQ(led("gpt-5-mini"), "d/x--mini");
  EXPECT_EQ(led("gpt-4"), "b/gpt-4");
  EXPECT_EQ(led("any/thing"), "a/any/thing");
  EXPECT_EQ(names.list(), "*, gpt-*, gpt-5, gpt-5*");
  EXPECT_EQ(names.listed(), (std::vector<View>{"gpt-5"}));
}

TEST(Names, ATargetOfTwoNamesIsOneTarget) {
  Harness h;
  Targets targets(h.host());
  const Names names(h.host(), h.config(R"({"names": {"a": "p/m", "b": ["q/m", "p/m"]}})"), targets);
  EXPECT_EQ(names.find("a")->choices[0].target, names.find("b")->choices[1].target);
}

TEST(Names, AModelMayHaveSlashes) {
  Harness h;
  Targets targets(h.host());
  const Names names(h.host(), h.config(R"({"names": {"a": "router/deepseek/chat"}})"), targets);
  EXPECT_EQ(names.find("a")->choices[0].target->text(), "router/deepseek/chat");
}

}  // namespace
}  // namespace gatehouse::plugins::models
