#include "core/config/settings_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/config/schema_inspection.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 8;  // of keys inside keys: a schema may contain itself

std::string text(const Json& schema, const char* keyword) {
  const auto found = schema.find(keyword);
  return found != schema.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string ticked(const std::string& text) { return '`' + text + '`'; }

/// As YAML writes it, where JSON does not have to.
std::string written(const Json& value) {
  return value.is_string() && !value.get_ref<const std::string&>().empty()
             ? value.get<std::string>()
             : value.dump();
}

std::string joined(const std::vector<std::string>& words, const char* last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? last : ", ";
    out += words[i];
  }
  return out;
}

/// ", 1 to 10 items", ", at least 1", ", at most 10", or nothing.
std::string range(const std::string& least, const std::string& most, const std::string& unit = "") {
  if (least.empty() && most.empty()) return "";
  if (most.empty()) return ", at least " + least + unit;
  return least.empty() ? ", at most " + most + unit : ", " + least + " to " + most + unit;
}

std::string range(const Json& schema, const char* least, const char* most, const char* unit = "") {
  const auto bound = [&](const char* keyword) {
    return schema.contains(keyword) ? written(schema[keyword]) : std::string();
  };
  return range(bound(least), bound(most), unit);
}

/// Describes the values that a schema allows.
class Describer {
 public:
  explicit Describer(const Json& root) : root_(root) {}

  /// "string, at least 16 characters".
  std::string type(const Json& schema_or_reference) const {
    const Json& schema = resolved(root_, schema_or_reference);
    if (!schema.is_object()) return "";
    if (schema.contains("enum")) return joined(constants(schema["enum"]), " or ");
    for (const char* choice : {"anyOf", "oneOf"}) {
      if (schema.contains(choice)) return alternatives(schema[choice]);
    }
    return joined(nouns(schema, ""), " or ") + limits(schema);
  }

 private:
  static std::vector<std::string> constants(const Json& values) {
    std::vector<std::string> out;
    for (const Json& value : values) out.push_back(ticked(written(value)));
    return out;
  }
  std::string alternatives(const Json& schemas) const {
    std::vector<std::string> out;
    for (const Json& schema : schemas) {
      const std::string one = type(schema);
      if (!one.empty()) out.push_back(one);
    }
    return joined(out, ", or ");
  }
  /// A word for each type that a schema allows, with `plural` at its end.
  std::vector<std::string> nouns(const Json& schema, const std::string& plural) const {
    std::vector<std::string> out;
    if (!schema.contains("type")) return out;
    const Json& types = schema["type"];
    for (const Json& type : types.is_array() ? types : Json::array({types}))
      out.push_back(noun(type.get<std::string>(), schema, plural));
    return out;
  }
  std::string noun(const std::string& type, const Json& schema, const std::string& plural) const {
    const std::string format = text(schema, "format");
    if (type == "boolean") return "`true` or `false`";
    if (type == "array") return "list" + plural + of(schema, "items");
    if (type == "object") return "map" + plural + of(schema, "additionalProperties");
    return (type == "string" && !format.empty() ? format : type) + plural;
  }
  /// " of strings".
  std::string of(const Json& schema, const char* keyword) const {
    if (!schema.contains(keyword)) return "";
    const Json& inside = resolved(root_, schema[keyword]);
    if (!inside.is_object()) return "";
    if (inside.contains("enum")) return " of " + joined(constants(inside["enum"]), " and ");
    const std::string words = joined(nouns(inside, "s"), " or ");
    return words.empty() ? "" : " of " + words;
  }
  static std::string limits(const Json& schema) {
    std::string out;
    const std::string format = text(schema, "format");
    if (const std::string words = text(schema, "x-words"); !words.empty()) out += ": " + words;
    out += range(schema, "x-min", "x-max");
    out += range(schema, "minimum", "maximum");
    if (schema.contains("exclusiveMinimum"))
      out += ", greater than " + schema["exclusiveMinimum"].dump();
    if (schema.contains("exclusiveMaximum"))
      out += ", less than " + schema["exclusiveMaximum"].dump();
    if (schema.value("minLength", 0) > 1 || schema.contains("maxLength"))
      out += range(schema, "minLength", "maxLength", " characters");
    if (schema.value("minItems", 0) > 1 || schema.contains("maxItems"))
      out += range(schema, "minItems", "maxItems", " items");
    return out + (schema.value("x-secret", false) ? ", secret" : "");
  }

  const Json& root_;
};

class Collector {
 public:
  explicit Collector(const Json& root) : root_(root), describer_(root) {}

  /// The keys of a map, which `prefix` leads to.
  void collect(const Json& map, const std::string& prefix, int depth) {
    const Json& schema = resolved(root_, map);
    if (!schema.is_object() || depth > kMaxDepth) return;
    const std::vector<std::string> required = schema.value("required", std::vector<std::string>());
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [key, property] : properties.items()) {
      const bool is_required = std::find(required.begin(), required.end(), key) != required.end();
      add(prefix + key, property, is_required);
      if (same_as(property).empty()) collect_inside(property, prefix + key, depth + 1);
    }
  }

  std::vector<Setting> settings;

 private:
  void add(const std::string& key, const Json& property, bool required) {
    const Json& schema = resolved(root_, property);
    if (!schema.is_object()) return;
    Setting out{key, text(property, "description"), describer_.type(property), {}, required};
    if (out.description.empty()) out.description = same_as(property);
    if (out.description.empty()) out.description = text(schema, "description");
    const Json& holder = property.contains("default") ? property : schema;
    if (holder.contains("default") && holder["default"] != Json::object())
      out.fallback = written(holder["default"]);
    settings.push_back(std::move(out));
  }
  void collect_inside(const Json& property, const std::string& key, int depth) {
    const Json& schema = resolved(root_, property);
    if (!schema.is_object()) return;
    collect(schema, key + ".", depth);
    if (schema.contains("items")) collect(schema["items"], key + "[].", depth);
    if (schema.contains("additionalProperties"))
      collect(schema["additionalProperties"], key + ".NAME.", depth);
  }
  /// "As `limit`." for a property that refers to another one.
  static std::string same_as(const Json& property) {
    constexpr std::string_view kProperties = "#/properties/";
    const std::string reference = property.is_object() ? text(property, "$ref") : "";
    if (reference.compare(0, kProperties.size(), kProperties) != 0) return "";
    std::string key = reference.substr(kProperties.size());
    for (std::size_t at; (at = key.find("/properties/")) != key.npos;) key.replace(at, 12, ".");
    return "As `" + key + "`.";
  }

  const Json& root_;
  const Describer describer_;
};

/// One cell of a table.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::vector<Setting> settings_of(std::string_view schema) {
  const Json root = Json::parse(schema);
  Collector collector(root);
  collector.collect(root, "", 0);
  return std::move(collector.settings);
}

std::string to_markdown(const std::vector<Setting>& settings) {
  if (settings.empty()) return "No settings.\n";
  std::string out = "| Key | Description | Type | Default |\n|---|---|---|---|\n";
  for (const Setting& s : settings) {
    std::string fallback = s.fallback.empty() ? "" : ticked(s.fallback);
    if (s.required) fallback = "required";
    out += "| " + ticked(s.key) + " | " + cell(s.description) + " | " + cell(s.type) + " | " +
           cell(fallback) + " |\n";
  }
  return out;
}

}  // namespace gatehouse::core
