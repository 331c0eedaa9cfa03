#include "parse_message.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::mcp {
namespace {

struct ParseMessageTest : ::testing::Test {
  testing::Harness h;

  std::string parsed(View text) {
    auto document = parse_message(text);
    return document ? document->root().dump() : "unreadable";
  }
  std::string tools(const std::string& listed) {
    return parsed(R"({"id": 7, "result": {"tools": [)" + listed + "]}}");
  }
  static std::string told(const std::string& listed) {
    return R"({"id":7,"result":{"tools":[)" + listed + "]}}";
  }
};

TEST_F(ParseMessageTest, KeepsTheLastOfSeveralMembersOfAName) {
  EXPECT_EQ(parsed(R"( {"a" : 1 , "b": "x", "a": [2, {"c": 3, "c": 4}]} )"),
            R"({"b":"x","a":[2,{"c":4}]})");
  EXPECT_EQ(parsed(R"({"a": 1, "\u0061": 2, "a\\": 3, "a\"": 4})"), R"({"a":2,"a\\":3,"a\"":4})");
  EXPECT_EQ(parsed(R"([{"a": {}, "a": []}, {"a": "}", "a": "\\\"{"}])"),
            R"([{"a":[]},{"a":"\\\"{"}])");
}

TEST_F(ParseMessageTest, LeavesWhatCanBeReadAsItIs) {
  EXPECT_EQ(parsed(R"({"a": "{\"a\":1,\"a\":2}", "b": [1e400, -0.5, null]})"),
            R"({"a":"{\"a\":1,\"a\":2}","b":[null,-0.5,null]})");
}

TEST_F(ParseMessageTest, ReadsNothingElse) {
  for (const View text :
       {"", " ", "{", "[", "]", "{\"a\"", R"({"a":1,"a":NaN})", R"({"a":1,"a":2)",
        R"({"a":1,"a":2}})", R"({"a":1,"a":2} x)", R"({"a":1,"a":2,})", R"({"a" 1,"a":2})",
        R"({"a":1,"a":})", "[1,,2]", "\"\\", R"({"result":{"tools":[)"}) {
    EXPECT_EQ(parsed(text), "unreadable") << text;
  }
  const std::string deep = std::string(300, '[') + std::string(300, ']');
  EXPECT_EQ(parsed(R"({"a":1,"a":)" + deep + "}"), "unreadable");
}

TEST_F(ParseMessageTest, ReplacesToolsThatCannotBeRead) {
  const std::string good = R"({"name":"good","inputSchema":{}})",
                    odd = R"({"name":"odd","unreadable":true})";
  for (const std::string& schema :
       {std::string("NaN"), std::string("\"\xe9\""), std::string("\"\n\""),
        std::string("{\"a\" 1}"), std::string(254, '[') + std::string(254, ']')}) {
    EXPECT_EQ(tools(good + R"(, {"name": "odd", "inputSchema": )" + schema + "}, " + good),
              told(good + "," + odd + "," + good))
        << schema;
  }
  EXPECT_EQ(tools(R"({"name": "odd", "name": NaN}, {"n": NaN})"),
            told(R"({"unreadable":true},{"unreadable":true})"));
  EXPECT_EQ(tools(R"({"name": "odd", "x": NaN}, {"name": "twice", "name": "last"})"),
            told(odd + R"(,{"name":"last"})"));
}

TEST_F(ParseMessageTest, ReplacesNothingButTools) {
  EXPECT_EQ(parsed(R"({"id": 7, "result": {"content": [NaN]}})"), "unreadable");
  EXPECT_EQ(parsed(R"({"id": NaN, "result": {"tools": [{"name": "odd", "x": NaN}]}})"),
            "unreadable");
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
