#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"

namespace gatehouse::core {
namespace {

void run(const gh_host* host, void (*work)(void*, gh_exchange*), void* self) {
  Instance::of(host).add_task(work, self);
}

}  // namespace

const gh_background_api& background_table() {
  static constexpr gh_background_api kTable = {
      .size = sizeof kTable, .reserved = 0, .run = guarded<run>};
  return kTable;
}

}  // namespace gatehouse::core
