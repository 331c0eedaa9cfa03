/// The document has one operation for each route that a plugin has claimed. It is taken from the
/// plugin's own description, in which {name} stands for the `*` of the claimed path; what the
/// gateway itself knows is added: the plugin as a tag, the security that plugins above require, and
/// the form of errors, which the server writes for all of them.
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string>

#include "core/config/problems.h"
#include "core/pipeline/pipeline.h"
#include "core/version.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

const char* const kBase = R"({
  "openapi": "3.1.0",
  "info": {"title": "Gatehouse", "description": "The routes of this gateway's pipeline."},
  "servers": [{"url": "/"}],
  "paths": {},
  "components": {
    "schemas": {
      "Error": {
        "description": "Why a request failed. A stream that has begun reports it in its format.",
        "type": "object",
        "required": ["statusCode", "timestamp", "path", "method", "message"],
        "properties": {
          "statusCode": {"type": "integer", "minimum": 400, "maximum": 599},
          "timestamp": {"type": "string", "format": "date-time"},
          "path": {"type": "string"},
          "method": {"type": "string"},
          "message": {"type": "string"}
        }
      }
    },
    "responses": {
      "Error": {
        "description": "The request failed.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
      }
    }
  }
})";

/// "/api/chat/{id}/stream" as a plugin claims it: "/api/chat/*/stream".
std::string claimed(std::string path) {
  const std::size_t open = path.find('{'), close = path.find('}');
  if (open != path.npos && close > open && close != path.npos)
    path.replace(open, close - open + 1, "*");
  return path;
}

/// The path of a route without a description.
std::string with_parameter(std::string path) {
  const std::size_t star = path.find('*');
  return star == path.npos ? path : path.replace(star, 1, "{name}");
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The path of the document and the operation, as the plugin describes them.
std::pair<std::string, Json> described(const Route& route, const Json& description) {
  const Json paths = description.value("paths", Json::object());
  for (const auto& [path, item] : paths.items()) {
    if (claimed(path) != route.path || !item.contains(lower(route.method))) continue;
    Json operation = item[lower(route.method)];
    if (item.contains("parameters") && !operation.contains("parameters"))
      operation["parameters"] = item["parameters"];
    return {path, operation};
  }
  Json operation = {{"summary", route.method + " " + route.path}};
  if (route.is_pattern()) {
    operation["parameters"] = {
        {{"name", "name"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}};
  }
  return {with_parameter(route.path), operation};
}

/// The security that `guard`, the description of a plugin above, requires of this route; null:
/// none.
Json security_of(const Route& route, const Json& guard) {
  const auto begins = [&](const Json& path) {
    return path.is_string() && route.path.starts_with(path.get_ref<const std::string&>());
  };
  const Json paths = guard.value("x-guarded-paths", Json());
  const bool is_guarded = paths.is_null() || std::any_of(paths.begin(), paths.end(), begins);
  return is_guarded ? guard.value("security", Json()) : Json();
}

void add_components(const Json& description, Json& document) {
  const Json components = description.value("components", Json::object());
  for (const auto& [kind, entries] : components.items())
    document["components"][kind].update(entries);
}

}  // namespace

void Pipeline::openapi(std::string& out) const {
  Json document = Json::parse(kBase);
  document["info"]["version"] = kVersion;
  std::vector<std::pair<const Layer*, Json>> above;  // with their descriptions
  for (const auto& layer : layers_) {
    const std::string& text = layer->instance->description();
    const Json description = text.empty() ? Json::object() : Json::parse(text);
    for (const Route& route : routes_) {
      if (&Instance::of(route.owner) != layer->instance.get()) continue;
      auto [path, operation] = described(route, description);
      operation["tags"] = {layer->instance->name()};
      operation["responses"]["default"] = {{"$ref", "#/components/responses/Error"}};
      for (const auto& [guard, described_by] : above) {
        const Json security = security_of(route, described_by);
        if (!security.is_null() && guard->takes(route.method, route.path))
          operation["security"] = security;
      }
      document["paths"][path][lower(route.method)] = std::move(operation);
    }
    add_components(description, document);
    above.emplace_back(layer.get(), description);
  }
  out += to_text(document);
}

}  // namespace gatehouse::core
