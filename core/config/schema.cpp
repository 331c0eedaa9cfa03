#include "core/config/schema.h"

#include <pthread.h>

#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "core/config/defaults.h"
#include "core/config/explain.h"
#include "core/config/schema_inspection.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;
using Value = nlohmann::json;

/// Warns of secrets in files that every user of the machine can read.
void warn_of_open_secrets(const Value& value, const std::string& pointer,
                          const std::set<std::string>& secrets, const Origins& origins,
                          Problems& problems) {
  if (!value.is_object() && !value.is_array()) return;
  std::size_t index = 0;
  for (const auto& [key, member] : value.items()) {
    const std::string at = value.is_array() ? child(pointer, index++) : child(pointer, key);
    if (secrets.count(key) && origins.at(at).open) {
      problems.warn(
          origins.place(at),
          '`' + key + '`' + " comes from a file that every user can read: run chmod 600 on it");
    }
    warn_of_open_secrets(member, at, secrets, origins, problems);
  }
}

/// Runs `work` on a thread whose stack is large enough for the deepest recursion of std::regex over
/// a text of 4096 bytes (explain.cpp): that of the caller may have 1 MiB.
template <class Work>
void with_large_stack(Work work) {
  // Reserved, hardly used: a group of alternatives takes some 2 KiB per byte of text.
  constexpr std::size_t kStackBytes = 64 << 20;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread;
  const auto run = [](void* of) -> void* {
    (*static_cast<Work*>(of))();
    return nullptr;
  };
  const int error = ::pthread_create(&thread, &attributes, run, &work);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start a thread");
  ::pthread_join(thread, nullptr);
}

/// A default must be valid where it stands, once what is absent inside it has its own default.
void check_defaults(const Json& root, const std::vector<std::string>& pointers,
                    std::vector<std::string>& faults) {
  Value rules(root);
  const Origins nowhere("");
  for (const std::string& pointer : pointers) {
    const Json& schema = root.at(Json::json_pointer(pointer));
    Json value = schema["default"];
    try {
      fill_in(root, schema, value);
    } catch (const std::runtime_error&) {
      faults.push_back(pointer +
                       "/default: contains itself without end: give one of the properties in it "
                       "no default");
      continue;
    }
    rules["$ref"] = '#' + pointer;  // draft 7 ignores everything beside it
    for (const Mismatch& mismatch : explain(Value(value), "", "`default`", rules, nowhere))
      faults.push_back(pointer + "/default: " + mismatch.text);
  }
}

}  // namespace

std::vector<std::string> schema_faults(std::string_view schema) {
  Json root;
  try {
    root = Json::parse(schema);
  } catch (const Json::parse_error& e) {
    return {"it is not JSON: " + std::string(e.what())};
  }
  SchemaInspection seen = inspect_schema(root);
  if (!seen.faults.empty()) return seen.faults;  // such a schema cannot check its defaults
  if (!seen.with_default.empty()) check_defaults(root, seen.with_default, seen.faults);
  return seen.faults;
}

void validate(const Value& value, const std::string& pointer, const std::string& name,
              std::string_view schema, const Origins& origins, Problems& problems) {
  std::vector<std::string> faults;  // of the schema
  const auto work = [&] {
    try {
      faults = schema_faults(schema);
      if (!faults.empty()) return;
      const Value rules = Value::parse(schema);
      for (Mismatch& mismatch : explain(value, pointer, name, rules, origins)) {
        problems.add(
            mismatch.at_key ? origins.key_place(mismatch.pointer) : origins.place(mismatch.pointer),
            std::move(mismatch.text));
      }
      warn_of_open_secrets(value, pointer, secrets_of(rules), origins, problems);
    } catch (const std::exception& e) {
      faults.push_back(e.what());
    }
  };
  try {
    with_large_stack(work);
  } catch (const std::system_error& e) {
    problems.add(origins.key_place(pointer), name + " cannot be checked now: " + e.what());
  }
  for (const std::string& fault : faults)
    problems.add(origins.key_place(pointer), "the schema of " + name + " is invalid: " + fault);
}

std::optional<std::string> configured(std::string_view config, std::string_view schema,
                                      Problems& problems) {
  const auto known = problems.size();
  try {
    validate(Value::parse(config), "", "the configuration", schema, Origins(""), problems);
  } catch (const Value::parse_error& e) {
    problems.add({}, "the configuration is not JSON: " + std::string(e.what()));
  }
  return problems.size() == known ? std::optional(with_defaults(schema, config)) : std::nullopt;
}

}  // namespace gatehouse::core
