#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;

constexpr char kChat[] = R"({"model": "m", "messages": []})";

TEST(Script, EmitsTheEventsAfterTheDelay) {
  Harness h;
  h.be_strict();
  const auto script = h.create(R"({"delay": "2s", "events": [
      {"kind": "step-start"}, {"kind": "text", "id": "1", "text": "Hi", "metadata": {"a": 1}},
      {"kind": "tool-call", "id": "c", "name": "now", "json": {}},
      {"kind": "step-finish", "name": "tool-calls"}]})");
  EXPECT_EQ(h.ask(*script, kChat).events, (Events{"step-start", R"(text#1:Hi @{"a":1})",
                                                  "tool-call:c:now:{}", "step-finish:tool-calls"}));
  EXPECT_EQ(h.sleeps, (std::vector<std::chrono::nanoseconds>{2s}));
}

TEST(Script, ReportsAnUnknownKindWithItsPlace) {
  Harness h;
  const auto script = h.create(R"({"events": [{"kind": "step-start"}, {"kind": "txt"}]})");
  EXPECT_EQ(h.problems, (std::vector<std::string>{"/events/1/kind: is not a kind of event"}));
}

}  // namespace
