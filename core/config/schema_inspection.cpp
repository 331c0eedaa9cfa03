#include "core/config/schema_inspection.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/config/quantity.h"
#include "core/config/suggest.h"
#include "core/config/yaml.h"

namespace gatehouse::core {
namespace {

// A table names every keyword and the member function that checks its value. The checks of keywords
// that hold schemas come back to Inspector::inspect(), which looks up the keywords of those.

using Json = nlohmann::ordered_json;

/// A chain of references longer than this leads back to itself.
constexpr int kMaxReferences = 100;

const std::vector<std::string> kTypes = {"array",  "boolean", "integer", "null",
                                         "number", "object",  "string"};

/// `duration` and `size` are ours, the others those of draft 7.
const std::vector<std::string> kFormats = {"duration",      "size",         "date",
                                           "time",          "date-time",    "email",
                                           "idn-email",     "hostname",     "idn-hostname",
                                           "ipv4",          "ipv6",         "uri",
                                           "uri-reference", "uri-template", "iri",
                                           "iri-reference", "json-pointer", "relative-json-pointer",
                                           "regex"};

/// What a schema may have beside `$ref`: draft 7 ignores the rest.
const std::vector<std::string> kBesideReference = {"$ref",        "$comment", "title",
                                                   "description", "default",  "x-secret"};

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// ": did you mean `type`?", or ": " and what else there is to do.
std::string remedy(const std::string& word, const std::vector<std::string>& known,
                   const std::string& otherwise) {
  const std::string near = suggest(word, known);
  return ": " + (near.empty() ? otherwise : "did you mean `" + near + "`?");
}

/// The value at a reference such as "#/definitions/name"; null if there is none.
const Json* target(const Json& root, const std::string& reference) {
  if (reference.empty() || reference[0] != '#') return nullptr;
  try {
    const Json::json_pointer pointer(reference.substr(1));
    return root.contains(pointer) ? &root.at(pointer) : nullptr;
  } catch (const Json::exception&) {  // the pointer is malformed
    return nullptr;
  }
}

class Inspector {
 public:
  explicit Inspector(const Json& root) : root_(root) {}

  void inspect(const Json& schema, const std::string& at) {
    if (schema.is_boolean() && !at.empty()) return;
    if (!schema.is_object()) return fault(at, "must be an object, such as {\"type\": \"object\"}");
    for (const auto& [keyword, value] : schema.items()) {
      const auto known = keywords().find(keyword);
      if (known == keywords().end()) {
        fault(child(at, keyword),
              "is not a keyword of JSON Schema draft 7" +
                  remedy(keyword, names_of_keywords(), "remove it, or write x- before its name"));
      } else if (schema.contains("$ref") && !has(kBesideReference, keyword)) {
        fault(child(at, keyword),
              "has no effect beside `$ref`: move it into the schema that `$ref` leads to");
      } else {
        (this->*known->second)(value, child(at, keyword), schema);
      }
    }
    if (schema.contains("default")) note_default(at);
  }

  SchemaInspection result;

 private:
  using Check = void (Inspector::*)(const Json& value, const std::string& at, const Json& schema);

  static const std::map<std::string, Check>& keywords() {
    using I = Inspector;
    static const std::map<std::string, Check> kKeywords = {
        {"$comment", &I::text},
        {"$id", &I::text},
        {"$ref", &I::reference},
        {"$schema", &I::text},
        {"additionalItems", &I::subschema},
        {"additionalProperties", &I::subschema},
        {"allOf", &I::subschemas},
        {"anyOf", &I::subschemas},
        {"const", &I::anything},
        {"contains", &I::subschema},
        {"contentEncoding", &I::text},
        {"contentMediaType", &I::text},
        {"default", &I::anything},
        {"definitions", &I::named_subschemas},
        {"dependencies", &I::dependencies},
        {"description", &I::text},
        {"else", &I::subschema},
        {"enum", &I::values},
        {"examples", &I::values},
        {"exclusiveMaximum", &I::number},
        {"exclusiveMinimum", &I::number},
        {"format", &I::format},
        {"if", &I::subschema},
        {"items", &I::items},
        {"maxItems", &I::count},
        {"maxLength", &I::count},
        {"maxProperties", &I::count},
        {"maximum", &I::number},
        {"minItems", &I::count},
        {"minLength", &I::count},
        {"minProperties", &I::count},
        {"minimum", &I::number},
        {"multipleOf", &I::divisor},
        {"not", &I::subschema},
        {"oneOf", &I::subschemas},
        {"pattern", &I::pattern},
        {"patternProperties", &I::patterned_subschemas},
        {"properties", &I::named_subschemas},
        {"propertyNames", &I::subschema},
        {"readOnly", &I::flag},
        {"required", &I::names},
        {"then", &I::subschema},
        {"title", &I::text},
        {"type", &I::type},
        {"uniqueItems", &I::flag},
        {"writeOnly", &I::flag},
        {"x-max", &I::bound},
        {"x-min", &I::bound},
        {"x-secret", &I::flag},
        {"x-words", &I::words},
    };
    return kKeywords;
  }
  static std::vector<std::string> names_of_keywords() {
    std::vector<std::string> names;
    for (const auto& [name, check] : keywords()) names.push_back(name);
    return names;
  }

  void anything(const Json&, const std::string&, const Json&) {}
  void text(const Json& value, const std::string& at, const Json&) {
    if (!value.is_string()) fault(at, "must be a string");
  }
  void flag(const Json& value, const std::string& at, const Json&) {
    if (!value.is_boolean()) fault(at, "must be true or false");
  }
  void number(const Json& value, const std::string& at, const Json&) {
    if (!value.is_number()) fault(at, "must be a number");
  }
  void count(const Json& value, const std::string& at, const Json&) {
    if (!value.is_number_unsigned()) fault(at, "must be an integer that is not negative");
  }
  void divisor(const Json& value, const std::string& at, const Json&) {
    if (!value.is_number() || value <= 0) fault(at, "must be a number greater than 0");
  }
  void values(const Json& value, const std::string& at, const Json&) {
    if (!value.is_array() || value.empty()) fault(at, "must be a list of at least one value");
  }
  void names(const Json& value, const std::string& at, const Json&) {
    const auto is_text = [](const Json& name) { return name.is_string(); };
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_text))
      fault(at, "must be a list of names");
  }
  void pattern(const Json& value, const std::string& at, const Json&) {
    if (!value.is_string()) return fault(at, "must be a string");
    try {
      const std::regex compiled(value.get<std::string>());
    } catch (const std::regex_error& e) {
      fault(at, "is not a regular expression as ECMAScript has them: " + std::string(e.what()));
    }
  }
  void words(const Json& value, const std::string& at, const Json& schema) {
    text(value, at, schema);
    if (!schema.contains("pattern"))
      fault(at, "has no effect without `pattern`, which it puts into words: add one");
  }
  void type(const Json& value, const std::string& at, const Json&) {
    if (!value.is_string() && !value.is_array()) return fault(at, "must be a string or a list");
    for (const Json& one : value.is_array() ? value : Json::array({value})) {
      const std::string name = one.is_string() ? one.get<std::string>() : one.dump();
      if (!has(kTypes, name))
        fault(at, "does not know `" + name + "`" + remedy(name, kTypes, one_of(kTypes)));
    }
  }
  void format(const Json& value, const std::string& at, const Json&) {
    if (!value.is_string()) return fault(at, "must be a string");
    const std::string name = value.get<std::string>();
    if (!has(kFormats, name))
      fault(at, "does not know `" + name + "`" + remedy(name, kFormats, one_of(kFormats)));
  }
  void bound(const Json& value, const std::string& at, const Json& schema) {
    const std::string format = schema.contains("format") && schema["format"].is_string()
                                   ? schema["format"].get<std::string>()
                                   : "";
    if (format != "duration" && format != "size") {
      fault(at,
            "needs \"format\": \"duration\" or \"size\" beside it; the range of a number is "
            "`minimum` and `maximum`");
    } else if (!value.is_string() || !quantity(format, value.get<std::string>())) {
      fault(at, format == "size" ? "must be a size such as \"64KiB\""
                                 : "must be a duration such as \"1ms\" or \"24h\"");
    }
  }
  void reference(const Json& value, const std::string& at, const Json&) {
    const Json* next = &value;
    for (int hops = 0; next && next->is_string(); ++hops) {
      if (hops > kMaxReferences) return fault(at, "leads back to itself");
      next = target(root_, next->get<std::string>());
      if (next && next->is_object() && next->contains("$ref")) next = &next->at("$ref");
    }
    if (!next || !(next->is_object() || next->is_boolean()))
      fault(at, "leads to no schema: write # and the place of one, as #/definitions/name");
  }

  void subschema(const Json& value, const std::string& at, const Json&) { inspect(value, at); }
  void subschemas(const Json& value, const std::string& at, const Json&) {
    if (!value.is_array() || value.empty()) return fault(at, "must be a list of schemas");
    for (std::size_t i = 0; i < value.size(); ++i) inspect(value[i], child(at, i));
  }
  void named_subschemas(const Json& value, const std::string& at, const Json&) {
    if (!value.is_object()) return fault(at, "must be an object, of a schema for each name");
    for (const auto& [name, part] : value.items()) inspect(part, child(at, name));
  }
  void patterned_subschemas(const Json& value, const std::string& at, const Json& schema) {
    named_subschemas(value, at, schema);
    if (!value.is_object()) return;
    for (const auto& [name, part] : value.items()) pattern(name, child(at, name), schema);
  }
  void items(const Json& value, const std::string& at, const Json& schema) {
    if (value.is_array()) return subschemas(value, at, schema);
    inspect(value, at);
  }
  void dependencies(const Json& value, const std::string& at, const Json& schema) {
    if (!value.is_object()) return fault(at, "must be an object");
    for (const auto& [name, part] : value.items()) {
      if (part.is_array()) {
        names(part, child(at, name), schema);
      } else {
        inspect(part, child(at, name));
      }
    }
  }

  void note_default(const std::string& at) {
    if (at.empty()) return fault("/default", "has no effect: give each of the properties its own");
    result.with_default.push_back(at);
  }
  void fault(const std::string& at, const std::string& text) {
    result.faults.push_back(at.empty() ? "it " + text : at + ": " + text);
  }
  static std::string one_of(const std::vector<std::string>& words) {
    std::string text = "use one of";
    for (const std::string& word : words) text += (&word == &words[0] ? " " : ", ") + word;
    return text;
  }

  const Json& root_;
};

}  // namespace

SchemaInspection inspect_schema(const Json& schema) {
  Inspector inspector(schema);
  inspector.inspect(schema, "");
  return std::move(inspector.result);
}

const Json& resolved(const Json& root, const Json& schema) {
  const Json* at = &schema;
  for (int hops = 0; at->is_object() && at->contains("$ref") && hops <= kMaxReferences; ++hops) {
    const Json* next = target(root, at->at("$ref").get<std::string>());
    if (!next) break;
    at = next;
  }
  return *at;
}

}  // namespace gatehouse::core
