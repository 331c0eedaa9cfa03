#include "tool_schema.h"

#include <gtest/gtest.h>

#include "request_testing.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace testing;

constexpr View kOpenapi = R"({"tool_schema": "openapi"})";

/// What a tool with this schema declares: its parameters, "nothing", or "untouched" when the schema
/// goes as it is.
std::string declared(View schema) {
  auto request = Document::parse(
      request_of(R"({"model": "m", "messages": [], "tools": [{"name": "t", "input_schema": )" +
                     std::string(schema) + "}]}",
                 kOpenapi));
  const Json function = request->root()["tools"].at(0)["functionDeclarations"].at(0);
  EXPECT_EQ(function["description"].str("absent"), "");
  if (const Json parameters = function["parameters"]) return parameters.dump();
  const Json original = function["parametersJsonSchema"];
  if (!original) return "nothing";
  auto expected = Document::parse(schema);
  return original.dump() == expected->root().dump() ? "untouched" : "changed: " + original.dump();
}

/// As a property, so that the rule for the root does not apply.
std::string declared_property(const std::string& schema, const std::string& definitions = "{}") {
  const std::string result = declared(R"({"type": "object", "properties": {"p": )" + schema +
                                      R"(}, "$defs": )" + definitions + "}");
  const std::string before = R"({"type":"object","properties":{"p":)";
  return result.substr(0, before.size()) == before
             ? result.substr(before.size(), result.size() - before.size() - 2)
             : result;
}

TEST(ToolSchema, DeclaresNoParametersForToolsWithoutArguments) {
  EXPECT_EQ(declared("null"), "nothing");
  EXPECT_EQ(declared("true"), "nothing");
  EXPECT_EQ(declared(R"({"type": "object"})"), "nothing");
  EXPECT_EQ(
      declared(
          R"({"type": "object", "properties": {}, "additionalProperties": false, "required": []})"),
      "nothing");
  EXPECT_EQ(declared(R"({"type": "object", "additionalProperties": {"type": "string"}})"),
            R"({"type":"object"})");
  EXPECT_EQ(declared(R"({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})"),
            R"({"type":"object","anyOf":[{"required":["a"]},{"required":["b"]}]})");
  EXPECT_EQ(declared("{}"), "{}");
}

TEST(ToolSchema, KeepsWhatGeminiKnows) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"type": "string", "minLength": 0, "maxLength": 9, "pattern": "x", "title": "T", )"
       R"("default": "d", "nullable": true})",
       R"({"type":"string","minLength":0})"},
      {R"({"type": "string", "format": "date-time", "description": "when"})",
       R"({"type":"string","description":"when","format":"date-time"})"},
      {R"({"type": "string", "description": null, "items": null, "$ref": null, "allOf": null})",
       R"({"type":"string"})"},
      {R"({"type": "string", "description": ""})", R"({"type":"string"})"},
      {R"({"type": "integer", "minimum": 1, "multipleOf": 2})", R"({"type":"integer"})"},
      {R"({"type": "object"})", R"({"type":"object"})"},
      {R"({"type": "object", "description": "free", "properties": {}, "required": []})",
       R"({"type":"object","description":"free"})"},
      {R"({"type": "object", "properties": {"a": {}}, "required": []})",
       R"({"type":"object","required":[],"properties":{"a":{}}})"},
      {R"({"type": "array", "minItems": 1, "items": {"type": "array", )"
       R"("items": {"type": "number"}}})",
       R"({"type":"array","items":{"type":"array","items":{"type":"number"}}})"},
      {R"({"type": "object", "properties": {"type": {"type": "string"}, )"
       R"("$ref": {"type": "number"}, "a \"b\"": {"type": "null"}}})",
       R"({"type":"object","properties":{"type":{"type":"string"},"$ref":{"type":"number"},)"
       R"("a \"b\"":{"type":"null"}}})"},
      {R"({"not": {"type": "string"}, "if": {}, "patternProperties": {}})", "{}"},
  };
  for (const auto& [schema, expected] : table)
    EXPECT_EQ(declared_property(schema), expected) << schema;
}

TEST(ToolSchema, SaysNullableForNull) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"type": ["string", "null"]})", R"({"type":"string","nullable":true})"},
      {R"({"type": ["string", "number"]})", R"({"anyOf":[{"type":"string"},{"type":"number"}]})"},
      {R"({"type": ["string", "number", "null"]})",
       R"({"anyOf":[{"type":"string"},{"type":"number"}],"nullable":true})"},
      {R"({"type": ["null"]})", R"({"type":"null"})"},
      {R"({"type": "null"})", R"({"type":"null"})"},
      {R"({"anyOf": [{"type": "string"}, {"type": "null"}], "description": "maybe"})",
       R"({"type":"string","nullable":true,"description":"maybe"})"},
      {R"({"anyOf": [{"type": "object"}, {"type": "null"}]})",
       R"({"type":"object","nullable":true})"},
      {R"({"anyOf": [{"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "null"}]})",
       R"({"type":"string","nullable":true})"},
      {R"({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]})",
       R"({"nullable":true,"anyOf":[{"type":"string"},{"type":"number"}]})"},
      {R"({"anyOf": [{"type": "integer"}, {"type": "object", )"
       R"("properties": {"z": {"type": "boolean"}}}]})",
       R"({"anyOf":[{"type":"integer"},{"type":"object","properties":{"z":{"type":"boolean"}}}]})"},
  };
  for (const auto& [schema, expected] : table)
    EXPECT_EQ(declared_property(schema), expected) << schema;
}

TEST(ToolSchema, WritesEnumsAsStrings) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"type": "string", "enum": ["a", "b"]})", R"({"type":"string","enum":["a","b"]})"},
      {R"({"enum": ["x\"y"]})", R"({"type":"string","enum":["x\"y"]})"},
      {R"({"type": "number", "format": "float", "enum": [1, 2.5]})",
       R"({"type":"number","format":"enum","enum":["1","2.5"]})"},
      {R"({"type": "integer", "enum": [1, 2]})",
       R"({"type":"integer","format":"enum","enum":["1","2"]})"},
      {R"({"type": "boolean", "enum": [true]})",
       R"({"type":"boolean","format":"enum","enum":["true"]})"},
      {R"({"const": "fixed"})", R"({"type":"string","enum":["fixed"]})"},
      {R"({"const": 7})", R"({"type":"number","format":"enum","enum":["7"]})"},
      {R"({"const": null})", R"({"type":"null"})"},
      {R"({"type": ["string", "null"], "enum": ["q", null]})",
       R"({"type":"string","enum":["q"],"nullable":true})"},
      {R"({"type": ["string", "null"], "enum": ["q"]})",
       R"({"type":"string","enum":["q"],"nullable":true})"},
      {R"({"enum": ["q", null]})", R"({"type":"string","enum":["q"],"nullable":true})"},
      {R"({"enum": [null]})", R"({"type":"null"})"},
      {R"({"anyOf": [{"enum": ["a"]}, {"type": "null"}]})",
       R"({"type":"string","enum":["a"],"nullable":true})"},
  };
  for (const auto& [schema, expected] : table)
    EXPECT_EQ(declared_property(schema), expected) << schema;
}

TEST(ToolSchema, ResolvesReferencesToDefinitions) {
  const std::string definitions =
      R"({"P": {"type": "object", "properties": {"y": {"$ref": "#/$defs/C"}}, "required": ["y"]},
                                      "C": {"type": "number", "description": "coordinate"},
                                        "a/b~c d:": {"type": "string"}})";
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"$ref": "#/$defs/P"})",
       R"({"type":"object","required":["y"],"properties":{"y":{"type":"number",)"
       R"("description":"coordinate"}}})"},
      {R"({"$ref": "#/$defs/C", "description": "mine"})",
       R"({"type":"number","description":"mine"})"},
      {R"({"$ref": "#/$defs/a~1b~0c%20d%3A"})", R"({"type":"string"})"},
      {R"({"anyOf": [{"$ref": "#/$defs/C"}, {"type": "null"}]})",
       R"({"type":"number","nullable":true,"description":"coordinate"})"},
      {R"({"$ref": "#/$defs/P/properties/y"})", R"({"type":"number","description":"coordinate"})"},
  };
  for (const auto& [schema, expected] : table)
    EXPECT_EQ(declared_property(schema, definitions), expected) << schema;
  EXPECT_EQ(declared(R"({"$ref": "#/definitions/R", "definitions": {"R": {"type": "object", )"
                     R"("properties": {"a": {"type": "null"}}}}})"),
            R"({"type":"object","properties":{"a":{"type":"null"}}})");
  EXPECT_EQ(declared(R"({"$ref": "#/$defs/R", "$defs": {"R": {"type": "object"}}})"), "nothing");
}

TEST(ToolSchema, PassesOnUntouchedWhatGeminiHasNoWordsFor) {
  for (const char* schema : {R"({"enum": ["a", 1]})",
                             R"({"enum": [{"a": 1}]})",
                             R"({"enum": []})",
                             R"({"enum": "a"})",
                             R"({"type": "string", "enum": ["a", null]})",
                             R"({"type": "integer", "enum": [1.5]})",
                             R"({"allOf": [{}]})",
                             R"({"oneOf": [{"type": "string"}]})",
                             "true",
                             "false",
                             "7",
                             R"({"type": "array", "items": [{"type": "string"}]})",
                             R"({"items": true})",
                             R"({"anyOf": []})",
                             R"({"anyOf": [{"type": "null"}]})",
                             R"({"anyOf": [true]})",
                             R"({"type": 1})",
                             R"({"type": []})",
                             R"({"type": [1]})",
                             R"({"properties": []})",
                             R"({"$ref": 1})",
                             R"({"$ref": "#/properties/p"})",
                             R"({"$ref": "#"})",
                             R"({"$ref": "https://example.com/x.json"})",
                             R"({"$ref": "#/$defs/Nope"})",
                             R"({"$ref": "#/$defs/"})",
                             R"({"$ref": "#/$defs/N/type"})",
                             R"({"$ref": "#/$defs/N%"})",
                             R"({"$ref": "#/$defs/N%zz"})",
                             R"({"$ref": "#/$defs/N~2"})",
                             R"({"$ref": "#/$defs/N~"})",
                             R"({"$ref": "#/$defs/N%2Ftype"})",
                             R"({"$ref": "#/$defs/Bool"})",
                             R"({"$ref": "#/$defs/Self"})",
                             R"({"$ref": "#/$defs/Tree"})"}) {
    EXPECT_EQ(
        declared_property(schema,
                          R"({"N": {"type": "string"}, "N/type": {"type": "string"}, "Bool": true,
                "Self": {"$ref": "#/$defs/Self"},
                "Tree": {"type": "object", "properties": {"children": {"type": "array",
                  "items": {"$ref": "#/$defs/Tree"}}}}})"),
        "untouched")
        << schema;
  }
}

TEST(ToolSchema, OneToolThatCannotBeConvertedDoesNotAffectOthers) {
  const std::string body = request_of(R"({"model": "m", "messages": [], "tools": [
      {"name": "odd", "input_schema": {"oneOf": []}}, {"name": "fine",
        "input_schema": {"type": "string"}}]})",
                                      kOpenapi);
  EXPECT_NE(body.find(R"({"name":"odd","description":"","parametersJsonSchema":{"oneOf":[]}},)"
                      R"({"name":"fine","description":"","parameters":{"type":"string"}})"),
            std::string::npos)
      << body;
}

TEST(ToolSchema, GivesUpOnDefinitionsThatMultiply) {
  std::string definitions = R"("d0": {"type": "string"})";
  for (int i = 1; i < 40; ++i) {  // 2^39 strings when written out
    const std::string ref = R"({"$ref": "#/$defs/d)" + std::to_string(i - 1) + "\"}";
    definitions += ", \"d" + std::to_string(i) + R"(": {"type": "object", "properties": {"a": )" +
                   ref + R"(, "b": )" + ref + "}}";
  }
  EXPECT_EQ(declared_property(R"({"$ref": "#/$defs/d39"})", "{" + definitions + "}"), "untouched");
}

TEST(ToolSchema, GivesUpOnLongDefinitionsThatAreUsedOften) {
  std::string uses = R"({"$ref": "#/$defs/d"})", nulls = "null", members = R"("x": 0)";
  for (int i = 0; i < 1000; ++i) uses += R"(, {"$ref": "#/$defs/d"})";
  for (int i = 0; i < 2000; ++i) {
    nulls += ", null";
    members += ", \"x" + std::to_string(i) + "\": 0";
  }
  const std::string schema = R"({"anyOf": [)" + uses + "]}";
  EXPECT_EQ(declared_property(schema, R"({"d": {"enum": [)" + nulls + "]}}"), "untouched");
  EXPECT_EQ(declared_property(schema, R"({"d": {)" + members + "}}"), "untouched");
  EXPECT_EQ(declared_property(schema, R"({"d": {}, )" + members + "}"), "untouched");
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
