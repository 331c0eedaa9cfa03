#include <algorithm>

#include "core/exchange/exchange.h"
#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"

namespace gatehouse::core {
namespace {

void run(const gh_host* host, void (*work)(void*, gh_exchange*), void* self) {
  Instance::of(host).add_task(work, self);
}

void linger(gh_exchange* x, std::int64_t ns) {
  constexpr Clock::duration kLongest =
      std::chrono::seconds(5);  // half the time that instances have
  Exchange::of(x).waiter().linger(Clock::now() + std::min(bounded(ns), kLongest));
}

}  // namespace

const gh_background_api& background_table() {
  static constexpr gh_background_api kTable = {
      .size = sizeof kTable, .reserved = 0, .run = guarded<run>, .linger = guarded<linger>};
  return kTable;
}

}  // namespace gatehouse::core
