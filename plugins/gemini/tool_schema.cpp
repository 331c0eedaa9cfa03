#include "tool_schema.h"

#include <algorithm>

#include "json_text.h"
#include "schema_reference.h"

namespace gatehouse::plugins::gemini {

/// What Gemini's Schema has words for, with references resolved. All else (title, default, pattern,
/// …) is left out.
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
  key(out_, "parameters");
  const bool written = expressible && write(schema, 0);
  left_ = limit_ - std::min(limit_, out_.size());
  if (written) return;
  out_.resize(start);
  key(out_, "parametersJsonSchema");
  schema.dump(out_);
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
      {"items", &Keywords::items,
       1 << GH_OBJECT},  // an array is a tuple, which Gemini has no word for
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

  out_.push_back('{');
  if (!(k.enumeration || k.constant ? write_enum(k) : write_types(k))) return false;
  if (k.nullable) {
    key(out_, "nullable");
    out_.append("true");
  }
  const auto copy = [&](View name, Json value) {
    if (!value) return;
    key(out_, name);
    value.dump(out_);
  };
  if (!k.description.str().empty()) copy("description", k.description);
  copy("required", k.required);
  copy("format", k.format);
  copy("minLength", k.min_length);
  if (k.properties) {
    key(out_, "properties");
    out_.push_back('{');
    for (const auto [name, property] : k.properties.members()) {
      comma(out_);
      quote(out_, name);
      out_.push_back(':');
      if (!write(property, depth + 1)) return false;
    }
    out_.push_back('}');
  }
  if (k.items) {
    key(out_, "items");
    if (!write(k.items, depth + 1)) return false;
  }
  if (k.any_of) {
    key(out_, "anyOf");
    out_.push_back('[');
    for (const Json choice : k.any_of) {
      if (is_null_type(choice)) continue;
      comma(out_);
      if (!write(choice, depth + 1)) return false;
    }
    out_.push_back(']');
  }
  out_.push_back('}');
  return true;
}

/// Null as a choice of anyOf becomes `nullable`; if one other choice remains, it is what the schema
/// says.
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
    value.is_null() ? void(has_null = true) : values.push_back(value);
  };
  if (!k.enumeration) add(k.constant);
  for (const Json value : k.enumeration) add(value);

  if (has_null && !k.nullable && !k.allows("null")) return false;
  const auto all = [&](bool (Json::*is)() const) {
    return std::all_of(values.begin(), values.end(), [is](Json v) { return (v.*is)(); });
  };
  const View type = values.empty()                                  ? (has_null ? "null" : "")
                    : all(&Json::is_string) && k.allows("string")   ? "string"
                    : all(&Json::is_number) && k.allows("number")   ? "number"
                    : all(&Json::is_integer) && k.allows("integer") ? "integer"
                    : all(&Json::is_bool) && k.allows("boolean")    ? "boolean"
                                                                    : "";
  if (type.empty()) return false;
  key(out_, "type");
  quote(out_, type);
  if (type == "null") return true;
  k.nullable = k.nullable || has_null || (k.type.is_array() && k.allows("null"));
  if (type != "string") {
    k.format = Json();
    out_.append(",\"format\":\"enum\"");
  }
  out_.append(",\"enum\":[");
  for (const Json value : values) {
    comma(out_);
    value.is_string() ? quote(out_, value.str()) : quote(out_, value.dump());
  }
  out_.push_back(']');
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
  if (types.empty() || std::count(types.begin(), types.end(), View()) > 0)
    return false;  // no types
  if (types.size() == 1) {
    key(out_, "type");
    quote(out_, types[0]);
  } else if (!k.any_of) {
    key(out_, "anyOf");
    out_.push_back('[');
    for (const View type : types) {
      comma(out_);
      out_.append("{\"type\":");
      quote(out_, type);
      out_.push_back('}');
    }
    out_.push_back(']');
  }
  return true;
}

}  // namespace gatehouse::plugins::gemini
