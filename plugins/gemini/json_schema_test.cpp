#include "json_schema.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::gemini {
namespace {

using namespace testing;

std::string written(void (SchemaWriter::*append)(Json), View schema) {
  Harness h;
  std::string out;
  (SchemaWriter(out).*append)(parse(schema).root());
  return out;
}
std::string arguments(View schema) { return written(&SchemaWriter::append_arguments, schema); }
std::string bare(View schema) { return written(&SchemaWriter::append_bare, schema); }

TEST(JsonSchema, KeepsAlmostEverything) {
  for (const char* schema :
       {R"({"type":"object","title":"T","properties":{"a":{"type":"array"},"b":{"enum":["",1,)"
        R"(null]},"c":{"format":"uri"}},"required":["x"]})",
        R"({"type":"object","properties":{"any":true,"none":false,)"
        R"("t":{"items":[{"type":"string"}]},"o":{"oneOf":[{},7]}}})",
        R"({"type":"object","properties":{"p":{"$ref":"#/$defs/P","description":"d",)"
        R"("default":1}},"$defs":{"P":{"type":"number"}}})",
        R"({"type":"object","properties":{"p":{"$ref":"#/$defs/Nope"},"q":{"const":"x"},)"
        R"("r":{"const":{"a":1}}}})",
        R"({"type":"object","properties":{"$schema":{"type":"string"},)"
        R"("const":{"type":"number"}},"default":{"$id":1}})"}) {
    EXPECT_EQ(arguments(schema), schema);
  }
}

TEST(JsonSchema, LeavesOutWhatNamesTheSchemaItself) {
  EXPECT_EQ(arguments(R"({"$schema": "s", "$id": "i", "$comment": "c", "type": "object",
                          "properties": {"a": {"$id": "x", "items": {"$comment": "y",
                            "type": "string"}}}})"),
            R"({"type":"object","properties":{"a":{"items":{"type":"string"}}}})");
}

TEST(JsonSchema, CallsArgumentsAnObject) {
  EXPECT_EQ(arguments("{}"), R"({"type":"object"})");
  EXPECT_EQ(arguments(R"({"type": ["object", "null"], "title": "T"})"),
            R"({"type":"object","title":"T"})");
  EXPECT_EQ(arguments(R"({"anyOf": [{"type": "object"}, {"type": "object"}]})"),
            R"({"type":"object","anyOf":[{"type":"object"},{"type":"object"}]})");
  EXPECT_EQ(arguments(R"({"type": "string", "maxLength": 3})"),
            R"({"type":"object","required":["value"],"properties":{"value":{"type":"string",)"
            R"("maxLength":3}}})");
  EXPECT_EQ(arguments(R"({"$ref": "#/definitions/A", "definitions": {"A": {"type": "object", )"
                      R"("properties": {"a": {}}}}})"),
            R"({"type":"object","definitions":{"A":{"type":"object","properties":{"a":{}}}},)"
            R"("properties":{"a":{}}})");
}

TEST(JsonSchema, WritesConstantsAsEnums) {
  EXPECT_EQ(
      arguments(
          R"({"properties": {"a": {"type": "string", "const": "x"},
                                         "b": {"type": "integer", "const": 1},
                                         "c": {"type": "boolean", "const": true},
                                           "d": {"const": "x", "enum": ["x"],
                                             "type": "string"}}})"),
      R"({"type":"object","properties":{"a":{"type":"string","enum":["x"]},)"
      R"("b":{"type":"integer","enum":[1]},)"
      R"("c":{"type":"boolean","const":true},"d":{"const":"x","enum":["x"],"type":"string"}}})");
  EXPECT_EQ(arguments(R"({"anyOf": [{"properties": {"kind": {"const": "a"}}}, )"
                      R"({"properties": {"kind": {"const": "b"}}}]})"),
            R"({"type":"object","anyOf":[{"properties":{"kind":{"enum":["a"]}}},)"
            R"({"properties":{"kind":{"enum":["b"]}}}]})");
  EXPECT_EQ(written(&SchemaWriter::append, R"([{"const": 1}])"), R"([{"const":1}])");
  EXPECT_EQ(written(&SchemaWriter::append, R"({"const": 1})"), R"({"enum":[1]})");
}

/// What a property becomes whose schema is this, beside these definitions.
std::string property(const std::string& schema, const std::string& definitions) {
  const std::string before = R"({"type":"object","properties":{"p":)";
  const std::string text =
      arguments(R"({"properties":{"p":)" + schema + R"(},"$defs":)" + definitions + "}");
  return text.substr(before.size(), text.find("},\"$defs\"") - before.size());
}

TEST(JsonSchema, LetsNothingStandBesideAReferenceThatGeminiRefusesThere) {
  const std::string definitions =
      R"({"P":{"type":"number","minimum":1},"A":{"$ref":"#/$defs/P"},"Self":{"$ref":"#/$defs/Self"},
      "Tree":{"type":"object","properties":{"child":{"$ref":"#/$defs/Tree","type":"object"}}}})";
  EXPECT_EQ(property(R"({"$ref":"#/$defs/P","title":"T","description":"d"})", definitions),
            R"({"$ref":"#/$defs/P","description":"d"})");
  EXPECT_EQ(property(R"({"$ref":"#/$defs/P","minimum":2})", definitions),
            R"({"minimum":2,"type":"number"})");
  EXPECT_EQ(property(R"({"$ref":"#/$defs/A","maximum":2})", definitions),
            R"({"maximum":2,"type":"number","minimum":1})");
  EXPECT_EQ(property(R"({"$ref":"#/$defs/Nope","type":"string"})", definitions),
            R"({"$ref":"#/$defs/Nope"})");
  EXPECT_EQ(property(R"({"$ref":"#/$defs/Self","type":"string"})", definitions),
            R"({"$ref":"#/$defs/Self"})");
  EXPECT_EQ(property(R"({"$ref":7,"type":"string"})", definitions), R"({"$ref":7})");
  EXPECT_LT(property(R"({"$ref":"#/$defs/Tree","type":"object"})", definitions).size(), 4000u);
}

std::string doubling(const std::string& beside) {
  std::string definitions = R"("d0":{"type":"string"})";
  for (int i = 1; i < 40; ++i) {  // 2^39 strings when written out
    const std::string ref = R"({"$ref":"#/$defs/d)" + std::to_string(i - 1) + "\"" + beside + "}";
    definitions += ",\"d" + std::to_string(i) + R"(":{"type":"object","properties":{"a":)" + ref +
                   R"(,"b":)" + ref + "}}";
  }
  return R"({"properties":{"p":{"$ref":"#/$defs/d39")" + beside + R"(}},"$defs":{)" + definitions +
         "}}";
}

TEST(JsonSchema, GivesUpOnDefinitionsThatMultiply) {
  const std::string schema = doubling(R"(,"minLength":1)");
  EXPECT_LT(arguments(schema).size(), 3'000'000u);
  EXPECT_LT(bare(schema).size(), 300'000u);
}

TEST(BareSchema, SaysNoMoreThanTypes) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"type": "string", "format": "uri", "minLength": 1, "description": "d"})",
       R"({"type":"string","description":"d"})"},
      {R"({"enum": ["", "a", 1]})", R"({"type":"string","enum":["a"]})"},
      {R"({"const": "a"})", R"({"type":"string","enum":["a"]})"},
      {R"({"type": ["null", "integer"], "enum": [1]})", R"({"type":"integer"})"},
      {R"({"type": "array"})", R"({"type":"array","items":{"type":"string"}})"},
      {R"({"items": [{"type": "number"}]})", R"({"type":"array","items":{"type":"number"}})"},
      {R"({"anyOf": [{"type": "null"}, {"type": "boolean"}], "description": "d"})",
       R"({"type":"boolean","description":"d"})"},
      {R"({"oneOf": [{"properties": {"a": {}}}]})",
       R"({"type":"object","properties":{"a":{"type":"string"}},"required":[]})"},
      {R"({"properties": {"a": {"type": "number"}}, "required": ["a", "b", 7]})",
       R"({"type":"object","properties":{"a":{"type":"number"}},"required":["a"]})"},
      {R"({"$ref": "#/$defs/P", "description": "d"})", R"({"type":"number","description":"d"})"},
      {R"({"$ref": "#/$defs/Self"})", R"({"type":"string"})"},
      {R"({"$ref": "#/properties/p/$defs/0"})", R"({"type":"string"})"},
      {"true", R"({"type":"string"})"},
      {R"({"type": "unheard_of"})", R"({"type":"string"})"},
  };
  for (const auto& [schema, expected] : table) {
    EXPECT_EQ(bare(R"({"properties": {"p": )" + schema +
                   R"(}, "$defs": {"P": {"type": "number"}, "Self": {"$ref": "#/$defs/Self"}}})"),
              R"({"type":"object","properties":{"p":)" + expected + R"(},"required":[]})")
        << schema;
  }
  EXPECT_EQ(bare("{}"), R"({"type":"object"})");
  EXPECT_EQ(bare(R"({"type": "string"})"),
            R"({"type":"object","properties":{"value":{"type":"string"}},"required":["value"]})");
}

TEST(BareSchema, EndsWhereItComesBackToItself) {
  const std::string text =
      bare(R"({"properties": {"child": {"$ref": "#"}, "list": {"type": "array", )"
           R"("items": {"$ref": "#/properties/list"}}}})");
  EXPECT_LT(text.size(), 100'000u);
  EXPECT_TRUE(Document::parse(text)) << text;
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
