#include "core/host/status_table.h"

#include "core/pipeline/pipeline.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {

const gh_status_api& status_table() {
  static const gh_status_api table = {
      sizeof(gh_status_api),
      [](const gh_host* host, gh_json* into) {
        Instance::of(host).surroundings().pipeline->report(into);
      },
      [](const gh_host* host, void* to, void (*append)(void*, gh_str)) {
        std::string text;
        Instance::of(host).surroundings().pipeline->metrics(text);
        append(to, raw(text));
      },
      [](const gh_exchange* x, void* to, void (*append)(void*, gh_str)) {
        std::string text;
        append_timing(Exchange::of(x), text);
        append(to, raw(text));
      },
  };
  return table;
}

}  // namespace gatehouse::core
