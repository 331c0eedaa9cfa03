#include "core/config/settings_table.h"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

/// The type of a key with this schema.
std::string type(const std::string& schema) {
  return settings_of(R"({"properties": {"a": )" + schema + "}}").at(0).type;
}

TEST(SettingsTable, SaysWhatAKeyTakes) {
  const struct {
    const char *schema, *type;
  } kCases[] = {
      {"{}", ""},
      {R"({"type": "boolean"})", "`true` or `false`"},
      {R"({"type": "integer", "minimum": 1, "maximum": 10})", "integer, 1 to 10"},
      {R"({"type": "integer", "minimum": 1})", "integer, at least 1"},
      {R"({"type": "number", "exclusiveMinimum": 0, "maximum": 2})",
       "number, at most 2, greater than 0"},
      {R"({"type": "string", "format": "duration", "x-min": "1ms", "x-max": "24h"})",
       "duration, 1ms to 24h"},
      {R"({"type": "string", "format": "size", "x-max": "4MiB"})", "size, at most 4MiB"},
      {R"({"type": ["string", "boolean"], "format": "duration"})", "duration or `true` or `false`"},
      {R"({"type": "string", "minLength": 16, "x-secret": true})",
       "string, at least 16 characters, secret"},
      {R"({"type": "string", "minLength": 1})", "string"},
      {R"({"type": "string", "pattern": "^/", "x-words": "an absolute path"})",
       "string: an absolute path"},
      {R"({"enum": ["off", "low", 5]})", "`off`, `low` or `5`"},
      {R"({"anyOf": [{"enum": ["off"]}, {"type": "integer"}]})", "`off`, or integer"},
      {R"({"type": "array", "items": {"type": "string"}, "maxItems": 16})",
       "list of strings, at most 16 items"},
      {R"({"type": "array", "items": {"enum": ["a", "b"]}})", "list of `a` and `b`"},
      {R"({"type": "object", "additionalProperties": {"type": "string"}})", "map of strings"},
      {R"({"type": "object", "additionalProperties": false})", "map"},
  };
  for (const auto& [schema, words] : kCases) EXPECT_EQ(type(schema), words) << schema;
}

TEST(SettingsTable, NamesKeysByTheWayToThem) {
  std::string keys;
  for (const Setting& s : settings_of(R"({"required": ["list"], "properties": {
         "list": {"items": {"required": ["name"], "properties": {"name": {}}}},
         "map": {"additionalProperties": {"properties": {"key": {}}}},
         "box": {"properties": {"inner": {}}}}})"))
    keys += s.key + (s.required ? "! " : " ");
  EXPECT_EQ(keys, "list! list[].name! map map.NAME.key box box.inner ");
}

TEST(SettingsTable, AKeyThatIsLikeAnotherOneIsNotDescribedTwice) {
  const auto settings = settings_of(R"({"properties": {
      "box": {"properties": {"limit": {"description": "Most.", "type": "integer"}}},
      "other": {"$ref": "#/properties/box/properties/limit"},
      "third": {"$ref": "#/properties/box"}}})");
  ASSERT_EQ(settings.size(), 4u);
  EXPECT_EQ(settings[2].description, "As `box.limit`.");
  EXPECT_EQ(settings[2].type, "integer");
  EXPECT_EQ(settings[3].description, "As `box`.");
}

TEST(SettingsTable, IsMarkdown) {
  EXPECT_EQ(to_markdown(settings_of(R"({"required": ["b"], "properties": {
              "a": {"description": "One | two.", "default": ["x"]},
              "b": {"type": "string"},
              "c": {"type": "string", "default": "60s"},
              "d": {"default": {}}}})")),
            "| Key | Description | Type | Default |\n|---|---|---|---|\n"
            "| `a` | One \\| two. |  | `[\"x\"]` |\n"
            "| `b` |  | string | required |\n"
            "| `c` |  | string | `60s` |\n"
            "| `d` |  |  |  |\n");
  EXPECT_EQ(to_markdown({}), "No settings.\n");
}

}  // namespace
}  // namespace gatehouse::core
