#include "canonical_json.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::mcp {
namespace {

using testing::Harness;

std::string canonical(View text) {
  Harness h;
  return canonical_json(h.json(text));
}

TEST(CanonicalJson, WritesNumbersAsEcmaScriptDoes) {
  // Most are those of RFC 8785, appendix B.
  const std::pair<View, View> numbers[] = {
      {"0", "0"},
      {"-0.0", "0"},
      {"1.0", "1"},
      {"-1", "-1"},
      {"1e3", "1000"},
      {"0.10", "0.1"},
      {"12345678901234567890.0", "12345678901234567000"},
      {"9007199254740993", "9007199254740992"},
      {"5e-324", "5e-324"},
      {"1.7976931348623157e308", "1.7976931348623157e+308"},
      {"295147905179352830000.0", "295147905179352830000"},
      {"9.999999999999997e22", "9.999999999999997e+22"},
      {"1e23", "1e+23"},
      {"999999999999999700000.0", "999999999999999700000"},
      {"1e21", "1e+21"},
      {"1e20", "100000000000000000000"},
      {"9.999999999999997e-7", "9.999999999999997e-7"},
      {"0.000001", "0.000001"},
      {"0.0000001", "1e-7"},
      {"333333333.3333332", "333333333.3333332"},
      {"-0.0000033333333333333333", "-0.0000033333333333333333"},
      {"1424953923781206.2", "1424953923781206.2"}};
  for (const auto& [written, wanted] : numbers) EXPECT_EQ(canonical(written), wanted);
}

TEST(CanonicalJson, OrdersMembersByUtf16CodeUnits) {
  // RFC 8785, 3.2.3.
  EXPECT_EQ(
      canonical(R"({"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6,)"
                R"( "\u00f6": 7})"),
      "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":5,"
      "\"\xef\xac\xb3\":3}");
  EXPECT_EQ(canonical(R"({"b": 1, "ab": 2, "a": {"10": 3, "9": 4}})"),
            R"({"a":{"10":3,"9":4},"ab":2,"b":1})");
}

TEST(CanonicalJson, EscapesOnlyWhatItMust) {
  // RFC 8785, 3.2.2.
  EXPECT_EQ(canonical(R"("\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/\b\f\t\r\u007f")"),
            "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\\b\\f\\t\\r\x7f\"");
}

TEST(CanonicalJson, IsTheSameBeforeAndAfterABrowser) {
  EXPECT_EQ(
      canonical(R"({"path": "/caf\u00e9", "weight": 1.0, "b": 1, "10": true, "9": [{"z": null,)"
                R"( "a": 0.10}], "none": []})"),
      canonical(
          R"({"9":[{"z":null,"a":0.1}],"10":true,"path":"/café","weight":1,"b":1,"none":[]})"));
  EXPECT_NE(canonical(R"({"a": "1"})"), canonical(R"({"a": 1})"));
  EXPECT_NE(canonical(R"({"a": null})"), canonical("{}"));
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
