#include "core/config/defaults.h"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

/// `value` with the defaults of the properties of a schema.
std::string filled(const std::string& properties, std::string_view value) {
  return with_defaults(
      R"({"definitions": {"n": {"default": 3}}, "properties": )" + properties + "}", value);
}

TEST(Defaults, AreThoseOfWhatIsAbsent) {
  const char* const kProperties = R"({"a": {"default": 1}, "b": {"default": "x"}, "c": {}})";
  EXPECT_EQ(filled(kProperties, "{}"), R"({"a":1,"b":"x"})");
  EXPECT_EQ(filled(kProperties, R"({"b":"","a":null})"), R"({"b":"","a":null})");
}

TEST(Defaults, AnObjectThatIsAbsentAndHasNoneStaysAbsent) {
  EXPECT_EQ(filled(R"({"a": {"properties": {"b": {"default": 1}}}})", "{}"), "{}");
  EXPECT_EQ(filled(R"({"a": {"properties": {"b": {"default": 1}}}})", R"({"a":{}})"),
            R"({"a":{"b":1}})");
  EXPECT_EQ(filled(R"({"a": {"default": {}, "properties": {"b": {"default": 1}}}})", "{}"),
            R"({"a":{"b":1}})");
}

TEST(Defaults, AreFilledIntoItemsAndIntoMapsOfAnyKeys) {
  EXPECT_EQ(filled(R"({"list": {"items": {"properties": {"b": {"default": 1}}}}})",
                   R"({"list":[{},{"b":2},7]})"),
            R"({"list":[{"b":1},{"b":2},7]})");
  EXPECT_EQ(filled(R"({"map": {"properties": {"x": {}},
                               "additionalProperties": {"properties": {"b": {"default": 1}}}}})",
                   R"({"map":{"x":{},"y":{}}})"),
            R"({"map":{"x":{},"y":{"b":1}}})");
}

TEST(Defaults, OnesBesideAReferenceGoFirst) {
  EXPECT_EQ(filled(R"({"a": {"$ref": "#/definitions/n"},
                       "b": {"$ref": "#/definitions/n", "default": 4}})",
                   "{}"),
            R"({"a":3,"b":4})");
}

TEST(Defaults, DoNotContainThemselves) {
  EXPECT_THROW(
      filled(R"({"a": {"default": {}, "properties": {"b": {"$ref": "#/properties/a"}}}})", "{}"),
      std::runtime_error);
}

}  // namespace
}  // namespace gatehouse::core
