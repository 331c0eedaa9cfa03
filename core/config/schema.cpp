#include "core/config/schema.h"

#include <pthread.h>

#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "core/config/explain.h"

namespace gatehouse::core {
namespace {

using Value = nlohmann::json;

/// Secrets in files that every user of the machine can read.
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
          '`' + key + '`' +
              " comes from a file that every user can read: take that right away with chmod 600");
    }
    warn_of_open_secrets(member, at, secrets, origins, problems);
  }
}

/// Runs `work` on a thread with a stack for the deepest recursion of std::regex over
/// kMaxPatternText bytes: who calls may have 1 MiB.
template <class Work>
void with_large_stack(Work work) {
  constexpr std::size_t kStackBytes =
      64 << 20;  // reserved, not used: a group of alternatives takes some 2 KiB a byte
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread;
  const auto run = [](void* of) -> void* { return (*static_cast<Work*>(of))(), nullptr; };
  const int error = ::pthread_create(&thread, &attributes, run, &work);
  ::pthread_attr_destroy(&attributes);
  if (error != 0)
    throw std::system_error(error, std::generic_category(), "no thread can be started");
  ::pthread_join(thread, nullptr);
}

}  // namespace

void validate(const Value& value, const std::string& pointer, const std::string& name,
              std::string_view schema, const Origins& origins, Problems& problems) {
  std::string unusable;
  const auto work = [&] {
    try {
      const Value parsed = Value::parse(schema);
      for (Finding& finding : explain(value, pointer, name, parsed, origins)) {
        problems.add(
            finding.at_key ? origins.key_place(finding.pointer) : origins.place(finding.pointer),
            std::move(finding.text));
      }
      warn_of_open_secrets(value, pointer, secrets_of(parsed), origins, problems);
    } catch (const std::exception& e) {
      unusable = "the schema for " + name + " cannot be used: " + e.what();
    }
  };
  try {
    with_large_stack(work);
  } catch (const std::system_error& e) {
    unusable = name + " cannot be checked now: " + e.what();
  }
  if (!unusable.empty()) problems.add(origins.key_place(pointer), unusable);
}

}  // namespace gatehouse::core
