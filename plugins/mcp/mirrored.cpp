#include "mirrored.h"

#include <algorithm>

#include "gatehouse/toolkit/data_url.hpp"

namespace gatehouse::plugins::mcp {
namespace {

constexpr View kAnnotation = "x-mcp-header";

bool is_token(View text) {
  constexpr View kMarks = "!#$%&'*+-.^_`|~";  // RFC 9110 5.6.2
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != View::npos;
  });
}

/// Only properties that are always at the same place may be annotated, not those of an alternative,
/// say.
bool is_annotated(Json schema) {
  for (const auto& [name, value] : schema.members()) {
    if (name == kAnnotation || is_annotated(value)) return true;
  }
  if (!schema.is_array()) return false;
  for (const Json element : schema) {
    if (is_annotated(element)) return true;
  }
  return false;
}

}  // namespace

View Mirrored::read(Json schema) {
  std::vector<std::string> path;
  return read(schema, path);
}

View Mirrored::read(Json schema, std::vector<std::string>& path) {
  for (const auto& [name, value] : schema.members()) {
    View objection;
    if (name == "properties" && value.is_object()) {
      objection = read_properties(value, path);
    } else if (name == kAnnotation) {
      objection = add(schema["type"].str(), value.str(), path);
    } else if (is_annotated(value)) {
      objection = "its schema has x-mcp-header outside of properties";
    }
    if (!objection.empty()) return objection;
  }
  return {};
}

View Mirrored::read_properties(Json properties, std::vector<std::string>& path) {
  for (const auto& [name, schema] : properties.members()) {
    path.emplace_back(name);
    if (const View objection = read(schema, path); !objection.empty()) return objection;
    path.pop_back();
  }
  return {};
}

View Mirrored::add(View type, View header, const std::vector<std::string>& path) {
  if (path.empty() || (type != "string" && type != "integer" && type != "boolean"))
    return "its schema has x-mcp-header on a property that is not a string, integer or boolean";
  if (!is_token(header)) return "its schema has an x-mcp-header that is not a header name";
  const bool is_taken = std::any_of(arguments_.begin(), arguments_.end(), [&](const Argument& a) {
    return equals_ignoring_case(a.header, header);
  });
  if (is_taken) return "its schema has the same x-mcp-header twice";
  arguments_.push_back({path, std::string(header)});
  return {};
}

std::vector<std::pair<std::string, std::string>> Mirrored::headers(Json arguments) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Argument& argument : arguments_) {
    Json value = arguments;
    for (const std::string& name : argument.path) value = value[name];
    const bool is_plain = value.is_string() || value.is_integer() || value.is_bool();
    if (is_plain)
      out.emplace_back("Mcp-Param-" + argument.header,
                       header_value(value.is_string() ? value.str() : View(value.dump())));
  }
  return out;
}

std::string header_value(View text) {
  constexpr View kPrefix = "=?base64?", kSuffix = "?=";
  const bool is_space_around = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  const bool is_safe =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  const bool looks_encoded = text.substr(0, kPrefix.size()) == kPrefix;
  if (is_safe && !is_space_around && !looks_encoded && !text.empty()) return std::string(text);
  return std::string(kPrefix) + encode_base64(text) + std::string(kSuffix);
}

}  // namespace gatehouse::plugins::mcp
