#include "core/config/schema.h"

#include <Poco/Thread.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace gatehouse::core {
namespace {

/// What is wrong with `yaml`, one problem per line: `line:column: text`.
std::string wrong(const std::string& yaml, std::string_view schema) {
  Origins origins("");
  Problems problems;
  const auto root = parse_yaml(yaml, origins, problems);
  validate(nlohmann::json(*root), "", "`cors`", schema, origins, problems);
  std::ostringstream out;
  for (const Problem& problem : problems.sorted()) {
    out << problem.place.line << ':' << problem.place.column << ": " << problem.text << '\n';
  }
  return out.str();
}

/// The same for `a: VALUE` and the schema of `a`.
std::string wrong_value(const std::string& value, const std::string& schema) {
  const std::string text = wrong("a: " + value, R"({"properties": {"a": )" + schema + "}}");
  return text.substr(0, text.size() - !text.empty());
}

TEST(Schema, EachKeywordIsExplained) {
  const struct {
    const char *schema, *good, *bad, *problem;
  } kCases[] = {
      {R"({"type": "integer"})", "5", "x", "1:4: `a` must be an integer, not the string \"x\""},
      {R"({"type": "integer"})", "5", "5.5", "1:4: `a` must be an integer, not 5.5"},
      {R"({"type": "number"})", "5", "[1]", "1:4: `a` must be a number, not a list"},
      {R"({"type": "boolean"})", "true", "yes",
       "1:4: `a` must be true or false, not the string \"yes\""},
      {R"({"type": "string"})", "x", "123", "1:4: `a` must be a string, not 123: put it in quotes"},
      {R"({"type": "string"})", "x", "{b: 1}", "1:4: `a` must be a string, not a map"},
      {R"({"type": "array"})", "[]", "x", "1:4: `a` must be a list, not the string \"x\""},
      {R"({"type": "object"})", "{}", "5", "1:4: `a` must be a map, not 5"},
      {R"({"type": ["string", "object"]})", "x", "5", "1:4: `a` must be a map or a string, not 5"},
      {R"({"type": "string", "format": "duration"})", "10s", "5",
       "1:4: `a` must be a duration such as 250ms, 10s or 5m, not 5"},
      {R"({"type": "string", "format": "duration"})", "250ms", "10 s",
       "1:4: `a` must be a duration such as 250ms, 10s or 5m, not the string \"10 s\""},
      {R"({"type": "string", "format": "size"})", "8MiB", "8MB",
       "1:4: `a` must be a size such as 512B, 64KiB or 8MiB, not the string \"8MB\""},
      {R"({"format": "duration", "x-min": "1ms"})", "1ms", "0s",
       "1:4: `a` must be at least 1ms, not 0s"},
      {R"({"format": "duration", "x-max": "1h"})", "60m", "61m",
       "1:4: `a` must be at most 1h, not 61m"},
      {R"({"format": "size", "x-min": "1KiB", "x-max": "1MiB"})", "1024B", "2MiB",
       "1:4: `a` must be at most 1MiB, not 2MiB"},
      {R"({"format": "duration", "x-min": "1ms"})", "1s", "soon",
       "1:4: `a` must be a duration such as 250ms, 10s or 5m, not the string \"soon\""},
      {R"({"type": "string", "format": "date"})", "2025-01-31", "2025",
       "1:4: `a` must be a string, not 2025: put it in quotes"},
      {R"({"format": "date"})", "5", "tomorrow",
       "1:4: `a` must be a date, not the string \"tomorrow\""},
      {R"({"enum": ["warn", "info", 5]})", "5", "wran",
       "1:4: `a` must be one of warn, info or 5, not the string \"wran\""},
      {R"({"const": 2})", "2", "3", "1:4: `a` must be 2, not 3"},
      {R"({"minimum": 1})", "1", "0", "1:4: `a` must be at least 1, not 0"},
      {R"({"maximum": 65535})", "65535", "70000", "1:4: `a` must be at most 65535, not 70000"},
      {R"({"exclusiveMinimum": 0})", "0.1", "0", "1:4: `a` must be greater than 0, not 0"},
      {R"({"exclusiveMaximum": 0.5})", "0.4", "0.5", "1:4: `a` must be less than 0.5, not 0.5"},
      {R"({"multipleOf": 4})", "8", "9", "1:4: `a` must be a multiple of 4, not 9"},
      {R"({"minLength": 1})", "x", "\"\"", "1:4: `a` must not be empty"},
      {R"({"minLength": 2})", "xx", "x", "1:4: `a` must have at least 2 characters"},
      {R"({"maxLength": 2})", "xx", "xxx", "1:4: `a` must have at most 2 characters"},
      {R"({"pattern": "^x+$", "x-words": "one or more x"})", "xx", "y",
       "1:4: `a` must be one or more x, not the string \"y\""},
      {R"({"type": "integer"})", "1", "'1'",
       "1:4: `a` must be an integer, not the string \"1\": take the quotes away"},
      {R"({"pattern": "^x+$"})", "xx", "y", "1:4: `a` must match ^x+$, not the string \"y\""},
      {R"({"minItems": 1})", "[1]", "[]", "1:4: `a` must not be empty"},
      {R"({"maxItems": 1})", "[1]", "[1, 2]", "1:4: `a` must have at most 1 item"},
      {R"({"uniqueItems": true})", "[1, 2]", "[1, 1]", "1:8: item 2 of `a` is there twice"},
      {R"({"contains": {"type": "string"}})", "[1, x]", "[1]",
       "1:4: `a` lacks an item that is required"},
      {R"({"items": {"type": "string"}})", "[x]", "[x, 5]",
       "1:8: item 2 of `a` must be a string, not 5: put it in quotes"},
      {R"({"items": [{"type": "string"}], "additionalItems": false})", "[x]", "[x, 5]",
       "1:4: `a` must have at most 1 item"},
      {R"({"minProperties": 1})", "{b: 1}", "{}", "1:4: `a` must not be empty"},
      {R"({"maxProperties": 1})", "{b: 1}", "{b: 1, c: 2}", "1:4: `a` must have at most 1 key"},
      {R"({"required": ["b"]})", "{b: 1}", "{c: 1}", "1:1: missing `b`, which is required"},
      {R"({"dependencies": {"b": ["c"]}})", "{b: 1, c: 1}", "{b: 1}",
       "1:5: `b` needs `c` beside it"},
      {R"({"dependencies": {"b": {"required": ["c"]}}})", "{b: 1, c: 1}", "{b: 1}",
       "1:1: missing `c`, which is required"},
      {R"({"dependencies": {"b": {"properties": {"c": false}}}})", "{c: 1}", "{b: 1, c: 1}",
       "1:14: `c` is not allowed beside `b`"},
      {R"({"propertyNames": {"maxLength": 2}})", "{bb: 1}", "{bbb: 1}",
       "1:10: the key `bbb` must have at most 2 characters"},
      {R"({"patternProperties": {"^x-": {"type": "integer"}}})", "{x-b: 1}", "{x-b: y}",
       "1:10: `x-b` must be an integer, not the string \"y\""},
      {R"({"additionalProperties": {"type": "integer"}})", "{b: 1}", "{b: y}",
       "1:8: `b` must be an integer, not the string \"y\""},
      {R"({"properties": {"limit": {}}, "additionalProperties": false})", "{limit: 1}", "{limt: 1}",
       "1:5: unknown key `limt`: did you mean `limit`?"},
      {R"({"properties": {"b": {}, "c": {}}, "additionalProperties": false})", "{b: 1}",
       "{other: 1}", "1:5: unknown key `other`: known are b and c"},
      {R"({"not": {"type": "string"}})", "5", "x", "1:4: `a` is not allowed here"},
      {"false", "", "5", "1:4: `a` is not allowed here"},
      {R"({"allOf": [{"minimum": 1}, {"maximum": 3}]})", "2", "4",
       "1:4: `a` must be at most 3, not 4"},
      {R"({"anyOf": [{"type": "string"}, {"type": "array"}]})", "x", "5",
       "1:4: `a` must be a string, not 5: put it in quotes, or `a` must be a list, not 5"},
      {R"({"oneOf": [{"required": ["b"]}, {"required": ["c"]}]})", "{b: 1}", "{b: 1, c: 1}",
       "1:4: `a` fits more than one of the forms that are allowed here"},
      {R"({"oneOf": [{"type": "string"}, {"type": "object", "properties": {"b": {"type": "integer"}}}]})",
       "{b: 1}", "{b: x}", "1:8: `b` must be an integer, not the string \"x\""},
      {R"({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 2}})", "2", "1",
       "1:4: `a` must be at least 2, not 1"},
  };
  for (const auto& [schema, good, bad, problem] : kCases) {
    if (*good) {
      EXPECT_EQ(wrong_value(good, schema), "") << schema;
    }
    EXPECT_EQ(wrong_value(bad, schema), problem) << schema;
  }
}

TEST(Schema, AllProblemsComeAtOnceAndEachPlaceOnce) {
  EXPECT_EQ(wrong("port: x\nhots: a\nlist: [1, -1, y]\n", R"({
    "type": "object", "additionalProperties": false, "required": ["key"],
    "properties": {
      "port": {"type": "integer", "minimum": 1, "enum": [1, 2]},
      "hosts": {"type": "array"},
      "key": {"type": "string"},
      "list": {"type": "array", "items": {"$ref": "#/definitions/positive"}}
    },
    "definitions": {"positive": {"type": "integer", "minimum": 0}}})"),
            "1:1: missing `key`, which is required\n"
            "1:7: `port` must be an integer, not the string \"x\"\n"
            "2:1: unknown key `hots`: did you mean `hosts`?\n"
            "3:11: item 2 of `list` must be at least 0, not -1\n"
            "3:15: item 3 of `list` must be an integer, not the string \"y\"\n");
}

TEST(Schema, ASecretIsInNoProblem) {
  const struct {
    const char *schema, *value;
  } kCases[] = {
      {R"({"x-secret": true, "type": "integer"})", "swordfish"},
      {R"({"x-secret": true, "pattern": "^x$"})", "swordfish"},
      {R"({"x-secret": true, "enum": ["x"]})", "swordfish"},
      {R"({"x-secret": true, "format": "duration"})", "swordfish"},
      {R"({"x-secret": true, "maximum": 1})", "1234321"},
      {R"({"x-secret": true, "type": "array", "items": {"type": "integer"}})", "[swordfish]"},
      {R"({"additionalProperties": {"x-secret": true, "type": "integer"}})", "{b: swordfish}"},
      {R"({"$ref": "#/definitions/secret"})", "swordfish"},
      {R"({"anyOf": [{"x-secret": true, "type": "integer"}, {"const": "x"}]})", "swordfish"},
  };
  for (const auto& [schema, value] : kCases) {
    const std::string text = wrong(
        std::string("a: ") + value,
        std::string(
            R"({"definitions": {"secret": {"x-secret": true, "type": "integer"}}, "properties": {"a": )") +
            schema + "}}");
    EXPECT_NE(text, "") << schema;
    EXPECT_EQ(text.find("swordfish"), std::string::npos) << text;
    EXPECT_EQ(text.find("1234321"), std::string::npos) << text;
  }
  EXPECT_EQ(wrong_value("12", R"({"x-secret": true, "type": "string"})"),
            "1:4: `a` must be a string, not an integer: put it in quotes");
}

TEST(Schema, ALongTextIsNeitherShownNorMatched) {
  const std::string text(100'000, 'x');
  EXPECT_EQ(wrong_value(text, R"({"type": "integer"})"),
            "1:4: `a` must be an integer, not a string of 100000 bytes");
  EXPECT_EQ(wrong_value(text, R"({"pattern": "^(x|y)*$"})"),
            "1:4: `a` must be at most 4096 bytes long, not a string of 100000 bytes");
}

TEST(Schema, AThreadWithASmallStackMayAskForAnyPattern) {
  std::string said;
  Poco::Thread thread;
  thread.setStackSize(256 << 10);  // less than a request's
  thread.startFunc(
      [&] { said = wrong_value(std::string(4096, 'x'), R"({"pattern": "^((x|y)|(a|b))*$"})"); });
  thread.join();
  EXPECT_EQ(said, "");
}

TEST(Schema, ALongListOfDifferentItemsIsReadAtOnce) {
  std::string list = "[0";
  for (int i = 1; i < 60'000; ++i) list += "," + std::to_string(i);
  EXPECT_EQ(wrong_value(list + "]", R"({"uniqueItems": true})"), "");
  EXPECT_EQ(wrong_value(list + ",7]", R"({"uniqueItems": true})").substr(0, 3), "1:3");
}

TEST(Schema, ThatCannotBeUsedIsAProblemOfItsPlugin) {
  EXPECT_EQ(wrong("a: 1", R"({"propertys": {"a": {"type": "strnig"}}, "pattern": "("})"),
            "1:1: the schema of `cors` is invalid: /pattern: is not a regular expression as "
            "ECMAScript has them: Mismatched '(' and ')' in regular expression\n"
            "1:1: the schema of `cors` is invalid: /propertys: is not a keyword of JSON Schema "
            "draft 7: did you mean `properties`?\n");
  const char* const kSchemas[] = {"{", R"({"$ref": "#"})", R"({"allOf": [{"$ref": "#"}]})"};
  for (const char* schema : kSchemas)
    EXPECT_EQ(wrong("a: 1", schema).substr(0, 37), "1:1: the schema of `cors` is invalid:")
        << schema;
}

TEST(Schema, ADefaultMustBeValidWhereItStands) {
  EXPECT_EQ(schema_faults(R"({"properties": {
              "ttl": {"type": "string", "format": "duration", "x-min": "1s", "default": "5ms"},
              "list": {"items": {"type": "integer"}, "default": [1, "x"]},
              "map": {"default": {}, "properties": {"n": {"type": "integer", "default": 1}}},
              "limits": {"default": {"n": "many"}, "$ref": "#/properties/map"}}})"),
            (std::vector<std::string>{
                "/properties/ttl/default: `default` must be at least 1s, not 5ms",
                "/properties/list/default: item 2 of `default` must be an integer, not the string "
                "\"x\"",
                "/properties/limits/default: `n` must be an integer, not the string \"many\""}));
  EXPECT_EQ(schema_faults(R"({"properties": {"a": {
              "default": {}, "properties": {"b": {"$ref": "#/properties/a"}}}}})"),
            std::vector<std::string>{
                "/properties/a/default: contains itself without end: give one of the properties in "
                "it no default"});
}

TEST(Schema, GivesAConfigurationAsThePluginGetsIt) {
  constexpr auto kSchema = R"({"additionalProperties": false, "properties": {
    "limit": {"type": "integer", "default": 5}, "name": {"type": "string"}}})";
  Problems problems;
  EXPECT_EQ(configured(R"({"name": "x"})", kSchema, problems), R"({"name":"x","limit":5})");
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(configured(R"({"limt": 1, "name": 2})", kSchema, problems), std::nullopt);
  EXPECT_EQ(problems.size(), 2u);
  EXPECT_EQ(configured("{", kSchema, problems), std::nullopt);
  EXPECT_EQ(problems.size(), 3u);
}

}  // namespace
}  // namespace gatehouse::core
