#include "json_schema.h"

#include <algorithm>
#include <vector>

#include "json_text.h"
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

/// Says nothing of what is valid.
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
      : out_(out), root_(root), left_(left), inlined_from_(out.size()) {}

  /// `const_as_enum`: Gemini overlooks `const`, which matters where it tells the choices of a union
  /// apart.
  void write(Json schema, bool const_as_enum) {
    if (!schema.is_object()) return schema.dump(out_);
    out_.push_back('{');
    schema["$ref"] ? write_reference(members_of(schema), const_as_enum)
                   : write_members(schema.members(), const_as_enum);
    out_.push_back('}');
  }

  /// The root, which Gemini wants to be an object by name.
  void write_arguments() {
    if (is_wrapped(root_)) {
      out_.append(R"({"type":"object","required":["value"],"properties":{"value":)");
      write(root_, false);
      out_.append("}}");
      return;
    }
    Members members = members_of(root_);
    if (auto whole = without_reference(members)) members = std::move(*whole);
    const auto type = std::find_if(members.begin(), members.end(),
                                   [](const auto& m) { return m.first == "type"; });
    if (type != members.end() && !allows_object(type->second)) members.clear();
    std::erase_if(members, [](const auto& m) { return m.first == "type"; });
    out_.append("{\"type\":\"object\"");
    write_members(members, false);
    out_.push_back('}');
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
      comma(out_);
      quote(out_, as_enum ? View("enum") : name);
      out_.push_back(':');
      if (as_enum) out_.push_back('[');
      write_value(name, value, const_as_enum);
      if (as_enum) out_.push_back(']');
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
      out_.push_back('{');
      for (const auto [key, schema] : value.members()) {
        comma(out_);
        quote(out_, key);
        out_.push_back(':');
        write(schema, const_as_enum);
      }
      out_.push_back('}');
    } else if (is_list && value.is_array()) {
      out_.push_back('[');
      for (const Json schema : value) {
        comma(out_);
        write(schema, const_as_enum || is_union);
      }
      out_.push_back(']');
    } else if (is_schema) {
      write(value, const_as_enum);
    } else {
      value.dump(out_);
    }
  }

  std::string& out_;
  const Json root_;
  std::size_t& left_;
  int inlined_depth_ = 0;
  std::size_t inlined_from_;  // where the outermost reference began
};

class SchemaWriter::Bare {
 public:
  Bare(std::string& out, Json root, std::size_t& left)
      : out_(out), root_(root), left_(left), limit_(out.size() + std::min(kMaxBare, left)) {}

  void write_arguments() {
    if (!is_wrapped(root_)) return write(root_, 0);
    out_.append(R"({"type":"object","properties":{"value":)");
    write(root_, 1);
    out_.append(R"(},"required":["value"]})");
  }

 private:
  void write(Json given, int depth) {
    const Json schema = plain(given);
    const View type = depth == 0 ? View("object") : type_of(schema);
    out_.append("{\"type\":");
    quote(out_, type);
    const View description = given["description"].str(schema["description"].str());
    if (!description.empty()) string_member(out_, "description", description);
    if (type == "string") write_enum(schema);
    if (type == "object" && depth < kMaxBareDepth && out_.size() < limit_)
      write_properties(schema, depth);
    if (type == "array") {
      key(out_, "items");
      const Json items = schema["items"];
      depth < kMaxBareDepth ? write(items.is_array() ? items.at(0) : items, depth + 1)
                            : void(out_.append("{\"type\":\"string\"}"));
    }
    out_.push_back('}');
  }

  /// Behind its references, and the first of its choices.
  Json plain(Json schema) {
    for (int hops = 0; hops < kMaxInlinedDepth; ++hops) {
      if (schema["$ref"]) {
        schema = referenced(root_, schema["$ref"].str(), left_);
      } else if (!schema["type"] && !schema["properties"] &&
                 (schema["anyOf"] || schema["oneOf"] || schema["allOf"])) {
        const Json choices = schema["anyOf"]   ? schema["anyOf"]
                             : schema["oneOf"] ? schema["oneOf"]
                                               : schema["allOf"];
        schema = choices.at(choices.at(0)["type"].str() == "null" ? 1 : 0);
      } else {
        break;
      }
    }
    return schema;
  }

  static View type_of(Json schema) {
    const Json type = schema["type"];
    if (is_type(type.str())) return type.str();
    for (const Json one : type) {
      if (is_type(one.str())) return one.str();
    }
    return schema["properties"] ? "object" : schema["items"] ? "array" : "string";
  }
  static bool is_type(View name) {
    return is_one_of(name, {"object", "array", "string", "number", "integer", "boolean"});
  }

  void write_enum(Json schema) {
    const std::size_t start = out_.size();
    key(out_, "enum");
    out_.push_back('[');
    const std::size_t first = out_.size();
    const auto add = [&](Json value) {
      if (value.str().empty()) return;
      comma(out_);
      quote(out_, value.str());
    };
    add(schema["const"]);
    for (const Json value : schema["enum"]) add(value);
    out_.size() == first ? out_.resize(start) : out_.push_back(']');
  }

  void write_properties(Json schema, int depth) {
    const Json properties = schema["properties"];
    if (!properties.is_object() || properties.size() == 0) return;
    key(out_, "properties");
    out_.push_back('{');
    for (const auto [name, property] : properties.members()) {
      comma(out_);
      quote(out_, name);
      out_.push_back(':');
      write(property, depth + 1);
    }
    out_.append("},\"required\":[");
    for (const Json name : schema["required"]) {
      if (!properties[name.str()]) continue;
      comma(out_);
      quote(out_, name.str());
    }
    out_.push_back(']');
  }

  std::string& out_;
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
