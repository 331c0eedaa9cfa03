#include "core/config/defaults.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/config/schema_inspection.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;  // as that of configurations

const Json* member(const Json& of, const char* name) {
  if (!of.is_object()) return nullptr;
  const auto found = of.find(name);
  return found == of.end() ? nullptr : &*found;
}

class Filler {
 public:
  explicit Filler(const Json& root) : root_(root) {}

  void fill(const Json& schema_or_reference, Json& value, int depth) const {
    if (depth > kMaxDepth) throw std::runtime_error("its defaults contain themselves without end");
    const Json& schema = resolved(root_, schema_or_reference);
    if (const Json* items = member(schema, "items"); items && value.is_array()) {
      for (Json& item : value) fill(*items, item, depth + 1);
    }
    if (!value.is_object()) return;
    const Json* properties = member(schema, "properties");
    const Json* others =
        member(schema, "patternProperties") ? nullptr : member(schema, "additionalProperties");
    for (auto& [key, inside] : value.items()) {
      if (others && !(properties && properties->contains(key))) fill(*others, inside, depth + 1);
    }
    if (properties) fill_properties(*properties, value, depth);
  }

 private:
  void fill_properties(const Json& properties, Json& value, int depth) const {
    for (const auto& [key, property] : properties.items()) {
      if (!value.contains(key)) {
        const Json* const fallback = default_of(property);
        if (!fallback) continue;
        value[key] = *fallback;
      }
      fill(property, value[key], depth + 1);
    }
  }
  const Json* default_of(const Json& property) const {
    const Json* own = member(property, "default");
    return own ? own : member(resolved(root_, property), "default");
  }

  const Json& root_;
};

}  // namespace

void fill_in(const Json& root, const Json& schema, Json& value) {
  Filler(root).fill(schema, value, 0);
}

std::string with_defaults(std::string_view schema, std::string_view value) {
  const Json root = Json::parse(schema);
  Json filled = Json::parse(value);
  fill_in(root, root, filled);
  return filled.dump();
}

}  // namespace gatehouse::core
