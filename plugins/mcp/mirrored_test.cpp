#include "mirrored.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::mcp {
namespace {

struct MirroredTest : ::testing::Test {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  View why(const std::string& properties) {
    return Mirrored().read(h.json(R"({"type": "object", "properties": )" + properties + "}"));
  }
  testing::Harness h;
};

TEST_F(MirroredTest, ArgumentsAreHeaders) {
  Mirrored mirrored;
  EXPECT_EQ(mirrored.read(h.json(R"({"properties": {
      "region": {"type": "string", "x-mcp-header": "Region"}, "query": {"type": "string"},
      "deep": {"type": "object", "properties": {
          "n": {"type": "integer", "x-mcp-header": "N"},
          "b": {"type": "boolean", "x-mcp-header": "B"}}}}})")),
            "");
  EXPECT_EQ(mirrored.headers(
                h.json(R"({"region": "eu", "query": "secret", "deep": {"n": 42, "b": false}})")),
            (Pairs{{"Mcp-Param-Region", "eu"}, {"Mcp-Param-N", "42"}, {"Mcp-Param-B", "false"}}));
  EXPECT_EQ(mirrored.headers(h.json(R"({"region": null, "deep": 1})")), Pairs{});
  EXPECT_EQ(mirrored.headers(h.json(R"({"region": ["x"]})")), Pairs{});
}

TEST_F(MirroredTest, OnlyNamesOfHeadersAreLegal) {
  for (const char* name :
       {R"("")", R"("My Region")", R"("A:B")", R"("R\u00e9gion")", R"("R\t1")", "7"}) {
    EXPECT_EQ(why(R"({"a": {"type": "string", "x-mcp-header": )" + std::string(name) + "}}"),
              "its schema has an x-mcp-header that is not a header name")
        << name;
  }
  EXPECT_EQ(why(R"({"a": {"type": "string", "x-mcp-header": "Same"},
              "b": {"type": "string", "x-mcp-header": "sAME"}})"),
            "its schema has the same x-mcp-header twice");
}

TEST_F(MirroredTest, OnlyPlainArgumentsAreLegal) {
  for (const char* type : {"object", "array", "null", "number", ""}) {
    EXPECT_EQ(why(R"({"a": {"type": ")" + std::string(type) + R"(", "x-mcp-header": "A"}})"),
              "its schema has x-mcp-header on a property that is not a string, integer or boolean");
  }
  for (const View schema :
       {R"({"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]})",
        R"({"$defs": {"a": {"type": "string", "x-mcp-header": "A"}}})",
        R"({"properties": {"a": {"type": "array",
                                "items": {"type": "string", "x-mcp-header": "A"}}}})"}) {
    EXPECT_EQ(Mirrored().read(h.json(schema)), "its schema has x-mcp-header outside of properties")
        << schema;
  }
  EXPECT_EQ(why(R"({"x-mcp-header": {"type": "string"}})"), "");  // an argument of that name
}

TEST(HeaderValue, IsEncodedWhenItCannotStandThere) {
  for (const View plain : {"us-west1", "us west 1", "SELECT * FROM users"})
    EXPECT_EQ(header_value(plain), plain);
  for (const auto& [text, encoded] : std::vector<std::pair<std::string, std::string>>{
           {"", std::string("=?base64?") + "?="},
           {" a", "=?base64?IGE=?="},
           {"a ", "=?base64?YSA=?="},
           {"a\nb", "=?base64?YQpi?="},
           {"\tab", "=?base64?CWFi?="},
           {"\xc3\xa4", "=?base64?w6Q=?="},
           {"=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="}}) {
    EXPECT_EQ(header_value(text), encoded);
  }
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
