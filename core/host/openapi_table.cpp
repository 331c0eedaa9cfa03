#include <string>

#include "core/host/instance.h"
#include "core/host/tables.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

void describe(const gh_host* host, gh_str document) { Instance::of(host).describe(view(document)); }

void document(const gh_host* host, void* to, void (*append)(void*, gh_str)) {
  std::string text;
  Instance::of(host).surroundings().reporter->openapi(text);
  append(to, raw(text));
}

}  // namespace

const gh_openapi_api& openapi_table() {
  static constexpr gh_openapi_api kTable = {
      .size = sizeof kTable, .reserved = 0, .describe = describe, .document = document};
  return kTable;
}

}  // namespace gatehouse::core
