#include "core/config/schema_inspection.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

/// The first fault of a schema; empty: it has none.
std::string fault(const char* schema) {
  const auto faults = inspect_schema(Json::parse(schema)).faults;
  return faults.empty() ? "" : faults[0];
}

/// The same for the schema of the property `a`, without its place.
std::string fault_of_property(const std::string& schema) {
  const std::string text = fault((R"({"properties": {"a": )" + schema + "}}").c_str());
  const std::string place = "/properties/a";
  return text.compare(0, place.size(), place) == 0 ? text.substr(place.size()) : text;
}

TEST(SchemaInspection, EachKeywordIsChecked) {
  const struct {
    const char *good, *bad, *fault;
  } kCases[] = {
      {R"({"description": "x"})", R"({"description": 1})", "/description: must be a string"},
      {R"({"uniqueItems": true})", R"({"uniqueItems": 1})", "/uniqueItems: must be true or false"},
      {R"({"x-secret": true})", R"({"x-secret": "yes"})", "/x-secret: must be true or false"},
      {R"({"minimum": 0.5})", R"({"minimum": "1"})", "/minimum: must be a number"},
      {R"({"minLength": 1})", R"({"minLength": -1})",
       "/minLength: must be an integer that is not negative"},
      {R"({"multipleOf": 2})", R"({"multipleOf": 0})",
       "/multipleOf: must be a number greater than 0"},
      {R"({"enum": [1]})", R"({"enum": []})", "/enum: must be a list of at least one value"},
      {R"({"required": ["b"]})", R"({"required": true})", "/required: must be a list of names"},
      {R"({"pattern": "^x$"})", R"({"pattern": "["})",
       "/pattern: is not a regular expression as ECMAScript has them: Unexpected character "
       "within '[...]' in regular expression"},
      {R"({"patternProperties": {"^x": {}}})", R"({"patternProperties": {"(": {}}})",
       "/patternProperties/(: is not a regular expression as ECMAScript has them: Mismatched "
       "'(' and ')' in regular expression"},
      {R"({"pattern": "x", "x-words": "an x"})", R"({"x-words": "an x"})",
       "/x-words: has no effect without `pattern`, which it puts into words: add one"},
      {R"({"type": ["string", "null"]})", R"({"type": ["strnig"]})",
       "/type: does not know `strnig`: did you mean `string`?"},
      {R"({"type": "object"})", R"({"type": "map"})",
       "/type: does not know `map`: use one of array, boolean, integer, null, number, object, "
       "string"},
      {R"({"format": "duration"})", R"({"format": "durration"})",
       "/format: does not know `durration`: did you mean `duration`?"},
      {R"({"format": "size", "x-min": "1KiB"})", R"({"format": "size", "x-min": "1ms"})",
       "/x-min: must be a size such as \"64KiB\""},
      {R"({"format": "duration", "x-max": "1h"})", R"({"format": "duration", "x-max": 3600})",
       "/x-max: must be a duration such as \"1ms\" or \"24h\""},
      {R"({"minimum": 1})", R"({"x-min": 1})",
       "/x-min: needs \"format\": \"duration\" or \"size\" beside it; the range of a number is "
       "`minimum` and `maximum`"},
      {R"({"not": {}})", R"({"not": []})",
       "/not: must be an object, such as {\"type\": \"object\"}"},
      {R"({"items": [{}, true]})", R"({"items": [{}, 1]})",
       "/items/1: must be an object, such as {\"type\": \"object\"}"},
      {R"({"anyOf": [{}]})", R"({"anyOf": {}})", "/anyOf: must be a list of schemas"},
      {R"({"properties": {"b": {}}})", R"({"properties": {"b": {"typ": "string"}}})",
       "/properties/b/typ: is not a keyword of JSON Schema draft 7: did you mean `type`?"},
      {R"({"properties": {}})", R"({"properties": []})",
       "/properties: must be an object, of a schema for each name"},
      {R"({"dependencies": {"b": ["c"], "c": {}}})", R"({"dependencies": {"b": "c"}})",
       "/dependencies/b: must be an object, such as {\"type\": \"object\"}"},
      {R"({"const": 1})", R"({"unevaluatedProperties": false})",
       "/unevaluatedProperties: is not a keyword of JSON Schema draft 7: remove it, or write x- "
       "before its name"},
  };
  for (const auto& [good, bad, text] : kCases) {
    EXPECT_EQ(fault_of_property(good), "") << good;
    EXPECT_EQ(fault_of_property(bad), text) << bad;
  }
}

TEST(SchemaInspection, AReferenceLeadsToASchema) {
  EXPECT_EQ(fault(R"({"definitions": {"a": {}}, "properties": {"b": {
              "description": "x", "default": 1, "$ref": "#/definitions/a"}}})"),
            "");
  EXPECT_EQ(fault_of_property(R"({"$ref": "#/definitions/none"})"),
            "/$ref: leads to no schema: write # and the place of one, as #/definitions/name");
  EXPECT_EQ(fault_of_property(R"({"$ref": "https://example.org/schema"})").substr(0, 22),
            "/$ref: leads to no sch");
  EXPECT_EQ(fault_of_property(R"({"$ref": "#/properties/a"})"), "/$ref: leads back to itself");
  EXPECT_EQ(fault_of_property(R"({"$ref": "#", "type": "object"})"),
            "/type: has no effect beside `$ref`: move it into the schema that `$ref` leads to");
}

TEST(SchemaInspection, ASchemaIsAnObject) {
  EXPECT_EQ(fault("[]"), "it must be an object, such as {\"type\": \"object\"}");
  EXPECT_EQ(fault("true"), "it must be an object, such as {\"type\": \"object\"}");
  EXPECT_EQ(fault(R"({"default": {}})"),
            "/default: has no effect: give each of the properties its own");
}

TEST(SchemaInspection, NamesOfPropertiesAreNoKeywords) {
  const auto seen = inspect_schema(
      Json::parse(R"({"properties": {"default": {"default": 1}, "enum": {}, "typ": true}})"));
  EXPECT_TRUE(seen.faults.empty());
  EXPECT_EQ(seen.with_default, std::vector<std::string>{"/properties/default"});
}

}  // namespace
}  // namespace gatehouse::core
