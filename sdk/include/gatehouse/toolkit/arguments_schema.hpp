/// The schema of a tool's arguments, whose root APIs demand to be an object with properties.
#pragma once

#include <algorithm>
#include <set>
#include <string>

#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse {
inline namespace v1 {

namespace detail {
/// Writes a schema as one object. The rest of it stays as it is, references and all.
class ArgumentsSchema {
 public:
  explicit ArgumentsSchema(std::string& out) : json_(out) {}

  void write(Json schema) {
    const Json root = resolved(schema);
    json_.open('{').member("type", "object").key("properties").open('{');
    write_properties(root, 0);
    json_.close('}');
    for (const auto [name, value] : root.members()) write_member(name, value);
    // The definitions that the rest refers to stand beside a root that is a reference.
    for (const auto [name, value] : schema.members()) {
      if (root.raw() != schema.raw() && !root[name] && name != "$ref") write_member(name, value);
    }
    json_.close('}');
  }

 private:
  static bool is_choice(View name) { return name == "anyOf" || name == "oneOf" || name == "allOf"; }

  /// A root `{"$ref": "#/definitions/Arguments"}` is what generators write of a named schema.
  static Json resolved(Json schema) {
    Json root = schema;
    for (int hops = 0; hops < 8; ++hops) {
      const View ref = root["$ref"].str();
      Json target;
      for (const View place : {"definitions", "$defs"}) {
        const std::string before = "#/" + std::string(place) + "/";
        if (ref.substr(0, before.size()) == before)
          target = schema[place][ref.substr(before.size())];
      }
      if (!target.is_object()) break;
      root = target;
    }
    return root;
  }

  /// Those of the root, and of the choices at the root, which APIs reject there: the tool itself
  /// checks which of them go together.
  void write_properties(Json schema, int depth) {
    constexpr int kDeepest = 8;
    for (const auto [name, property] : schema["properties"].members()) {
      if (written_.emplace(name).second) json_.any_key(name).value(property);
    }
    if (depth == kDeepest) return;
    for (const View choice : {"allOf", "anyOf", "oneOf"}) {
      for (const Json one : schema[choice]) write_properties(one, depth + 1);
    }
  }

  void write_member(View name, Json value) {
    const bool is_rejected = is_choice(name) || name == "enum" || name == "not" || name == "const";
    if (is_rejected || name == "type" || name == "properties" || name == "$ref") return;
    json_.any_key(name).value(value);
  }

  JsonText json_;
  std::set<std::string, std::less<>> written_;
};
}  // namespace detail

/// Appends it.
inline void append_arguments_schema(std::string& out, Json schema) {
  detail::ArgumentsSchema(out).write(schema);
}

}  // namespace v1
}  // namespace gatehouse
