/// Whole writes a schema nearly as it is; Bare the little that Gemini never rejects. References are
/// written out where Gemini would not follow them, within the bound of SchemaWriter::left_.
#include "json_schema.h"

#include <algorithm>
#include <vector>

#include "api_json.h"
#include "schema_reference.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr int kMaxInlinedDepth = 32;         // of definitions that stand in for references
constexpr std::size_t kMaxBare = 64 * 1024;  // bytes
constexpr int kMaxBareDepth = 16;            // no model fills in arguments that are nested deeper

using Members = std::vector<std::pair<View, Json>>;

bool is_one_of(View name, std::initializer_list<View> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What may stand beside a reference: "If a schema node has $ref set, then only description and
/// default can be set alongside it".
bool fits_reference(View name) { return is_one_of(name, {"$ref", "description", "default"}); }

/// Does not restrict what is valid.
bool only_annotates(View name) {
  return is_one_of(name, {"$schema", "$id", "$comment", "title", "examples", "deprecated",
                          "readOnly", "writeOnly"});
}

template <typename Range>
bool has(const Range& members, View name) {
  for (const auto& [each, value] : members) {
    if (each == name) return true;
  }
  return false;
}

Members members_of(Json schema) {
  Members members;
  for (const auto [name, value] : schema.members()) members.emplace_back(name, value);
  return members;
}

bool allows_object(Json type) {
  bool allows = !type || type.str() == "object";
  for (const Json one : type) allows = allows || one.str() == "object";
  return allows;
}

}  // namespace

bool is_wrapped(Json schema) { return schema["type"] && !allows_object(schema["type"]); }

class SchemaWriter::Whole {
 public:
  Whole(std::string& out, Json root, std::size_t& left)
      : out_(out), json_(out), root_(root), left_(left), inlined_from_(out.size()) {}

  /// `const_as_enum`: Gemini ignores `const`, which matters where it distinguishes the choices of a
  /// union apart.
  void write(Json schema, bool const_as_enum) {
    if (!schema.is_object()) {
      json_.value(schema);
      return;
    }
    json_.open('{');
    if (schema["$ref"]) {
      write_reference(members_of(schema), const_as_enum);
    } else {
      write_members(schema.members(), const_as_enum);
    }
    json_.close('}');
  }

  /// The root, which Gemini wants to be an object by name.
  void write_arguments() {
    if (is_wrapped(root_)) {
      json_.raw(R"({"type":"object","required":["value"],"properties":{"value":)");
      write(root_, false);
      json_.close('}').close('}');
      return;
    }
    Members members = members_of(root_);
    if (auto whole = without_reference(members)) members = std::move(*whole);
    const auto type = std::find_if(members.begin(), members.end(),
                                   [](const auto& m) { return m.first == "type"; });
    if (type != members.end() && !allows_object(type->second)) members.clear();
    members.erase(std::remove_if(members.begin(), members.end(),
                                 [](const auto& m) { return m.first == "type"; }),
                  members.end());
    json_.open('{').member("type", "object");
    write_members(members, false);
    json_.close('}');
  }

 private:
  void write_reference(const Members& members, bool const_as_enum) {
    const auto fits = [](const auto& m) { return fits_reference(m.first); };
    const bool alone = std::all_of(members.begin(), members.end(), [&](const auto& m) {
      return fits(m) || only_annotates(m.first);
    });
    if (inlined_depth_ == 0) inlined_from_ = out_.size();
    if (const auto whole = alone ? std::nullopt : without_reference(members)) {
      ++inlined_depth_;
      write_members(*whole, const_as_enum);
      if (--inlined_depth_ == 0) left_ -= std::min(left_, out_.size() - inlined_from_);
      return;
    }
    Members kept;
    std::copy_if(members.begin(), members.end(), std::back_inserter(kept), fits);
    write_members(kept, const_as_enum);
  }

  /// With what the reference names in its place, which the members beside it override.
  std::optional<Members> without_reference(Members members) {
    if (inlined_depth_ == kMaxInlinedDepth || out_.size() - inlined_from_ > left_)
      return std::nullopt;
    for (int hops = 0; hops < kMaxInlinedDepth; ++hops) {
      const auto reference = std::find_if(members.begin(), members.end(),
                                          [](const auto& m) { return m.first == "$ref"; });
      if (reference == members.end()) return members;
      const Json target = referenced(root_, reference->second.str(), left_);
      const std::size_t work = target.size() * members.size();
      if (!target.is_object() || work > left_) break;
      left_ -= work;
      members.erase(reference);
      for (const auto [name, value] : target.members()) {
        if (!has(members, name)) members.emplace_back(name, value);
      }
    }
    return std::nullopt;
  }

  template <typename Range>
  void write_members(const Range& members, bool const_as_enum) {
    for (const auto& [name, value] : members) {
      if (is_one_of(name, {"$schema", "$id", "$comment"})) continue;
      const bool as_enum = name == "const" && (value.is_string() || value.is_number()) &&
                           !has(members, "enum") && (const_as_enum || has(members, "type"));
      if (as_enum) {
        json_.key("enum").open('[').value(value).close(']');
      } else {
        json_.any_key(name);
        write_value(name, value, const_as_enum);
      }
    }
  }

  void write_value(View name, Json value, bool const_as_enum) {
    const bool is_union = is_one_of(name, {"anyOf", "oneOf"});
    const bool is_map = is_one_of(
        name, {"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"});
    const bool is_schema = is_one_of(name, {"items", "additionalProperties", "not", "if", "then",
                                            "else", "contains", "propertyNames"});
    const bool is_list = is_union || is_one_of(name, {"allOf", "prefixItems", "items"});
    if (is_map && value.is_object()) {
      write_map(value, const_as_enum);
    } else if (is_list && value.is_array()) {
      json_.open('[');
      for (const Json schema : value) write(schema, const_as_enum || is_union);
      json_.close(']');
    } else if (is_schema) {
      write(value, const_as_enum);
    } else {
      json_.value(value);
    }
  }

  void write_map(Json schemas, bool const_as_enum) {
    json_.open('{');
    for (const auto [name, schema] : schemas.members()) {
      json_.any_key(name);
      write(schema, const_as_enum);
    }
    json_.close('}');
  }

  std::string& out_;
  JsonText json_;
  const Json root_;
  std::size_t& left_;
  int inlined_depth_ = 0;
  std::size_t inlined_from_;  // where the outermost reference began
};

class SchemaWriter::Bare {
 public:
  Bare(std::string& out, Json root, std::size_t& left)
      : out_(out),
        json_(out),
        root_(root),
        left_(left),
        limit_(out.size() + std::min(kMaxBare, left)) {}

  void write_arguments() {
    if (!is_wrapped(root_)) return write(root_, 0);
    json_.raw(R"({"type":"object","properties":{"value":)");
    write(root_, 1);
    json_.close('}').key("required").open('[').value("value").close(']').close('}');
  }

 private:
  void write(Json given, int depth) {
    const Json schema = plain(given);
    const View type = depth == 0 ? View("object") : type_of(schema);
    json_.open('{').member("type", type);
    const View description = given["description"].str(schema["description"].str());
    if (!description.empty()) json_.member("description", description);
    if (type == "string") write_enum(schema);
    if (type == "object" && depth < kMaxBareDepth && out_.size() < limit_)
      write_properties(schema, depth);
    if (type == "array") write_items(schema["items"], depth);
    json_.close('}');
  }

  void write_items(Json items, int depth) {
    json_.key("items");
    if (depth < kMaxBareDepth) {
      write(items.is_array() ? items.at(0) : items, depth + 1);
    } else {
      json_.raw(R"({"type":"string"})");
    }
  }

  /// Behind its references, and the first of its choices.
  Json plain(Json schema) {
    for (int hops = 0; hops < kMaxInlinedDepth; ++hops) {
      if (schema["$ref"]) {
        schema = referenced(root_, schema["$ref"].str(), left_);
        continue;
      }
      const Json choices = schema["type"] || schema["properties"] ? Json() : choices_of(schema);
      if (!choices) break;
      schema = choices.at(choices.at(0)["type"].str() == "null" ? 1 : 0);
    }
    return schema;
  }
  static Json choices_of(Json schema) {
    for (const View name : {"anyOf", "oneOf", "allOf"}) {
      if (schema[name]) return schema[name];
    }
    return Json();
  }

  static View type_of(Json schema) {
    const Json type = schema["type"];
    if (is_type(type.str())) return type.str();
    for (const Json one : type) {
      if (is_type(one.str())) return one.str();
    }
    if (schema["properties"]) return "object";
    return schema["items"] ? "array" : "string";
  }
  static bool is_type(View name) {
    return is_one_of(name, {"object", "array", "string", "number", "integer", "boolean"});
  }

  void write_enum(Json schema) {
    member_unless_empty(out_, "enum", "[]", [&] {
      const auto add = [&](Json value) {
        if (!value.str().empty()) json_.value(value.str());
      };
      add(schema["const"]);
      for (const Json value : schema["enum"]) add(value);
    });
  }

  void write_properties(Json schema, int depth) {
    const Json properties = schema["properties"];
    if (!properties.is_object() || properties.size() == 0) return;
    json_.key("properties").open('{');
    for (const auto [name, property] : properties.members()) {
      json_.any_key(name);
      write(property, depth + 1);
    }
    json_.close('}').key("required").open('[');
    for (const Json name : schema["required"]) {
      if (properties[name.str()]) json_.value(name.str());
    }
    json_.close(']');
  }

  std::string& out_;
  JsonText json_;
  const Json root_;
  std::size_t& left_;
  const std::size_t limit_;
};

void SchemaWriter::append(Json schema) { Whole(out_, schema, left_).write(schema, true); }

void SchemaWriter::append_arguments(Json schema) { Whole(out_, schema, left_).write_arguments(); }

void SchemaWriter::append_bare(Json schema) {
  const std::size_t start = out_.size();
  Bare(out_, schema, left_).write_arguments();
  left_ -= std::min(left_, out_.size() - start);
}

}  // namespace gatehouse::plugins::gemini
