// The gateway validates values after substitution, by the schema of one plugin at a time, with
// formats and keywords that draft 7 does not have. An editor validates a whole file before
// substitution, by draft 7. So each schema is rewritten as it is copied: formats become patterns,
// a scalar may be a reference, and `$ref` leads to the new place of the schema.
#include "core/config/editor_schema.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "gateway_schema.h"  // made from gateway.schema.json: kGatewaySchema

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDuration = "^[0-9]+(ms|s|m|h)$";
constexpr const char* kSize = "^[0-9]+(B|KiB|MiB|GiB)$";

Json to(const std::string& definition) { return {{"$ref", "#/definitions/" + definition}}; }

/// No plugin's name has a dot.
std::string definition_of(const std::string& plugin) { return "plugin." + plugin; }

Json single(const char* key, const char* what) {
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", {key}},
          {"properties", {{key, {{"type", "string"}, {"description", what}}}}}};
}

/// What may stand in place of any scalar.
Json reference() {
  return {{"anyOf",
           {{{"type", "string"}, {"pattern", "\\$\\{"}},
            single("file", "A file whose text is the value, relative to the folder of this file."),
            single("credential", "A systemd credential whose text is the value.")}}};
}

bool is_one_of(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// Values without members, which may be one without items.
bool may_be_scalar(const Json& schema) {
  const auto type = schema.find("type");
  if (type == schema.end()) return schema.contains("enum") || schema.contains("const");
  if (type->is_string()) return *type != "object" && *type != "array";
  return std::find(type->begin(), type->end(), "object") == type->end();
}

class Converter {
 public:
  /// `root`: the pointer at which the schema as a whole is kept.
  explicit Converter(std::string root) : root_(std::move(root)) {}

  /// `is_value`: of a value, not of a condition or a name.
  Json convert(const Json& schema, bool is_value = true) const {
    if (!schema.is_object()) return schema;
    Json out = Json::object(), around = Json::object();
    const bool may_refer = is_value && may_be_scalar(schema);
    for (const auto& [key, value] : schema.items()) {
      if (key == "$schema" || key == "$id" || key.starts_with("x-")) continue;
      const bool describes = key == "description" || key == "default" || key == "title";
      (may_refer && describes ? around : out)[key] = keyword(key, value, is_value);
    }
    const std::string format = out.value("format", "");
    out.erase("format");
    if (format == "duration") out["pattern"] = kDuration;
    if (format == "size") out["pattern"] = kSize;
    if (!may_refer) return out;
    around["anyOf"] = {out, to("reference")};
    return around;
  }

 private:
  Json keyword(const std::string& key, const Json& value, bool is_value) const {
    if (key == "$ref") return root_ + value.get<std::string>().substr(1);
    if (is_one_of(key, {"properties", "patternProperties", "definitions", "dependencies"}))
      return each(value, is_value);
    if (is_one_of(key, {"items", "allOf", "anyOf", "oneOf"}))
      return value.is_array() ? each(value, is_value) : convert(value, is_value);
    if (is_one_of(key, {"additionalProperties", "additionalItems", "contains", "then", "else"}))
      return convert(value, is_value);
    if (is_one_of(key, {"if", "not", "propertyNames"})) return convert(value, false);
    return value;
  }
  Json each(Json schemas, bool is_value) const {
    for (Json& schema : schemas) schema = convert(schema, is_value);
    return schemas;
  }

  const std::string root_;
};

/// An entry of the pipeline. `entry`: the keys that may stand beside the name of a plugin.
Json entry_schema(Json entry, const std::map<std::string, std::string>& plugins) {
  Json keys = Json::array(), alone = Json::array();
  for (const auto& [key, schema] : entry["properties"].items()) keys.push_back(key);
  for (const auto& [name, schema] : plugins) {
    keys.push_back(name);
    Json& settings = entry["properties"][name] = to(definition_of(name));
    if (Json::parse(schema).contains("required")) continue;
    alone.push_back(name);  // it needs no settings
    settings = {{"anyOf", {settings, {{"type", "null"}}}}};
  }
  entry["type"] = "object";
  entry["minProperties"] = 1;
  // The plugin of a `path` may have any name.
  entry["if"] = {{"not", {{"required", {"path"}}}}};
  entry["then"] = {{"propertyNames", {{"enum", keys}}}};
  return {{"anyOf", {{{"type", "string"}, {"enum", alone}}, entry}}};
}

}  // namespace

Json editor_schema(const std::map<std::string, std::string>& plugins) {
  Json schema = Converter("#").convert(Json::parse(kGatewaySchema));
  Json out = {{"$schema", "http://json-schema.org/draft-07/schema#"},
              {"title", "Configuration of Gatehouse"}};
  out.update(schema);
  out.erase("required");  // another file may have it
  for (auto& [key, section] : out["properties"].items()) {
    section.erase("required");
    const auto type = section.find("type");
    if (type != section.end() && *type == "object") *type = {"object", "null"};
  }
  Json& entry = out["properties"]["pipeline"]["items"];
  entry = entry_schema(std::move(entry), plugins);
  out["definitions"]["reference"] = reference();
  for (const auto& [name, text] : plugins) {
    const std::string definition = definition_of(name);
    out["definitions"][definition] =
        Converter("#/definitions/" + definition).convert(Json::parse(text));
  }
  return out;
}

}  // namespace gatehouse::core
