#include <string>

#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

const Reporter& reporter_of(const gh_host* host) {
  return *Instance::of(host).surroundings().reporter;
}

void report(const gh_host* host, gh_json* into) { reporter_of(host).report(into); }

void metrics(const gh_host* host, void* to, void (*append)(void*, gh_str)) {
  std::string text;
  reporter_of(host).metrics(text);
  append(to, raw(text));
}

void timing(const gh_host* host, const gh_exchange* x, void* to, void (*append)(void*, gh_str)) {
  std::string text;
  reporter_of(host).timing(Exchange::of(x), text);
  append(to, raw(text));
}

}  // namespace

const gh_status_api& status_table() {
  static constexpr gh_status_api kTable = {.size = sizeof kTable,
                                           .reserved = 0,
                                           .report = guarded<report>,
                                           .metrics = guarded<metrics>,
                                           .timing = guarded<timing>};
  return kTable;
}

}  // namespace gatehouse::core
