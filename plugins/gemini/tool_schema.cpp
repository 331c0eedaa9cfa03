/// A schema is collected into Keywords, which are those that Gemini's Schema can express, and
/// written from there. Where a schema uses anything else that restricts its values, the text
/// written so far is dropped and the schema goes as it is, in the member that takes JSON Schema.
#include "tool_schema.h"

#include <algorithm>

#include "api_json.h"
#include "schema_reference.h"

namespace gatehouse::plugins::gemini {

/// What Gemini's Schema can express, with references resolved. Other keywords (title, default,
/// pattern, …) are left out.
struct ToolSchemas::Keywords {
  Json type, description, required, format, properties, additional_properties, items, any_of,
      enumeration, constant, min_length;
  bool nullable = false;

  bool allows(View name) const {
    for (const Json one : type) {
      if (one.str() == name) return true;
    }
    return !type || type.str() == name;
  }
  /// Of an enum: the one type that all values have; empty: there is none.
  View type_of(const std::vector<Json>& values) const {
    constexpr std::pair<View, bool (Json::*)() const> kTypes[] = {{"string", &Json::is_string},
                                                                  {"number", &Json::is_number},
                                                                  {"integer", &Json::is_integer},
                                                                  {"boolean", &Json::is_bool}};
    for (const auto& [name, is] : kTypes) {
      const auto has_type = [is = is](Json value) { return (value.*is)(); };
      if (values.empty() || !allows(name)) continue;
      if (std::all_of(values.begin(), values.end(), has_type)) return name;
    }
    return {};
  }
  bool is_empty_object() const {
    const bool open = additional_properties.is_object() || additional_properties.boolean();
    return type.str() == "object" && properties.size() == 0 && !open && !any_of;
  }
};

namespace {

// A document is nested 64 deep at most; with references a schema can go deeper, and a recursive one
// would never end.
constexpr int kMaxDepth = 64;

bool is_null_type(Json schema) { return schema["type"].str() == "null"; }

}  // namespace

void ToolSchemas::append(Json schema) {
  if (!schema.is_object()) return;
  root_ = schema;
  const std::size_t start = out_.size();
  limit_ = start + left_;
  Keywords root;
  const bool expressible = collect(schema, root, 0);
  if (expressible && root.is_empty_object()) return;
  json_.key("parameters");
  const bool written = expressible && write(schema, 0);
  left_ = limit_ - std::min(limit_, out_.size());
  if (written) return;
  out_.resize(start);
  json_.member("parametersJsonSchema", schema);
}

/// Adds to `found`, which it overrides: so do keywords beside a $ref those of its target. False:
/// not expressible.
bool ToolSchemas::collect(Json schema, Keywords& found, int depth) {
  struct Known {
    View name;
    Json Keywords::*member;
    int types;
  };
  static constexpr Known kKnown[] = {
      {"type", &Keywords::type, 1 << GH_STRING | 1 << GH_ARRAY},
      {"description", &Keywords::description, 1 << GH_STRING},
      {"required", &Keywords::required, 1 << GH_ARRAY},
      {"format", &Keywords::format, 1 << GH_STRING},
      {"properties", &Keywords::properties, 1 << GH_OBJECT},
      {"additionalProperties", &Keywords::additional_properties, 1 << GH_BOOL | 1 << GH_OBJECT},
      {"items", &Keywords::items, 1 << GH_OBJECT},  // an array is a tuple, which Gemini lacks
      {"anyOf", &Keywords::any_of, 1 << GH_ARRAY},
      {"allOf", nullptr, 0},
      {"oneOf", nullptr, 0},
      {"enum", &Keywords::enumeration, 1 << GH_ARRAY},
      {"const", &Keywords::constant, ~0},
      {"minLength", &Keywords::min_length, 1 << GH_INT | 1 << GH_REAL},
  };
  if (!schema.is_object() || depth > kMaxDepth || out_.size() > limit_) return false;
  spend(schema.size());
  if (const Json reference = schema["$ref"];
      !reference.is_null() && !collect(definition(reference.str()), found, depth + 1))
    return false;
  for (const auto [name, value] : schema.members()) {
    for (const Known& known : kKnown) {
      if (name != known.name || (value.is_null() && name != "const")) continue;
      if ((known.types & 1 << value.type()) == 0) return false;
      spend(value.size());
      found.*known.member = value;
    }
  }
  return true;
}

/// The target of a reference.
Json ToolSchemas::definition(View reference) {
  std::size_t left = limit_;
  const Json found = referenced(root_, reference, left);
  limit_ = left;
  return found;
}

bool ToolSchemas::write(Json schema, int depth) {
  Keywords k;
  if (!collect(schema, k, depth) || !merge_null(k, depth)) return false;
  if (k.is_empty_object()) k.required = k.properties = Json();

  json_.open('{');
  if (!(k.enumeration || k.constant ? write_enum(k) : write_types(k))) return false;
  if (k.nullable) json_.member("nullable", true);
  const auto copy = [&](View name, Json value) {
    if (value) json_.member(name, value);
  };
  if (!k.description.str().empty()) copy("description", k.description);
  copy("required", k.required);
  copy("format", k.format);
  copy("minLength", k.min_length);
  if (!write_children(k, depth + 1)) return false;
  json_.close('}');
  return true;
}

bool ToolSchemas::write_children(const Keywords& k, int depth) {
  if (k.properties) {
    json_.key("properties").open('{');
    for (const auto [name, property] : k.properties.members()) {
      json_.any_key(name);
      if (!write(property, depth)) return false;
    }
    json_.close('}');
  }
  if (k.items) {
    json_.key("items");
    if (!write(k.items, depth)) return false;
  }
  if (!k.any_of) return true;
  json_.key("anyOf").open('[');
  for (const Json choice : k.any_of) {
    if (!is_null_type(choice) && !write(choice, depth)) return false;
  }
  json_.close(']');
  return true;
}

/// Null as a choice of anyOf becomes `nullable`; if one other choice remains, it replaces the
/// schema.
bool ToolSchemas::merge_null(Keywords& k, int depth) {
  if (!k.any_of) return true;
  Json other;
  std::size_t others = 0;
  for (const Json choice : k.any_of) {
    if (is_null_type(choice)) {
      k.nullable = true;
    } else {
      other = choice;
      ++others;
    }
  }
  if (others != 1 || !k.nullable) return others > 0;
  k.any_of = Json();
  return collect(other, k, depth + 1) && merge_null(k, depth + 1);
}

/// Gemini has enums of strings only: those of numbers and booleans are written as strings and
/// marked by their format.
bool ToolSchemas::write_enum(Keywords& k) {
  std::vector<Json> values;
  bool has_null = false;
  const auto add = [&](Json value) {
    has_null = has_null || value.is_null();
    if (!value.is_null()) values.push_back(value);
  };
  if (!k.enumeration) add(k.constant);
  for (const Json value : k.enumeration) add(value);

  if (has_null && !k.nullable && !k.allows("null")) return false;
  const View type = values.empty() && has_null ? View("null") : k.type_of(values);
  if (type.empty()) return false;
  json_.member("type", type);
  if (type == "null") return true;
  k.nullable = k.nullable || has_null || (k.type.is_array() && k.allows("null"));
  if (type != "string") {
    k.format = Json();
    json_.member("format", "enum");
  }
  json_.key("enum").open('[');
  for (const Json value : values)
    json_.value(value.is_string() ? std::string(value.str()) : value.dump());
  json_.close(']');
  return true;
}

bool ToolSchemas::write_types(Keywords& k) {
  if (!k.type) return true;
  std::vector<View> types;
  if (k.type.is_string()) types.push_back(k.type.str());
  for (const Json type : k.type) {
    if (type.str() != "null") types.push_back(type.str());
  }
  const bool has_null = k.type.is_array() && k.allows("null");
  if (types.empty() && has_null) {
    types.push_back("null");
  } else {
    k.nullable = k.nullable || has_null;
  }
  const bool has_no_type = std::count(types.begin(), types.end(), View()) > 0;
  if (types.empty() || has_no_type) return false;
  if (types.size() == 1) {
    json_.member("type", types[0]);
  } else if (!k.any_of) {
    json_.key("anyOf").open('[');
    for (const View type : types) json_.open('{').member("type", type).close('}');
    json_.close(']');
  }
  return true;
}

}  // namespace gatehouse::plugins::gemini
