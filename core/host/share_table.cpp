#include <functional>

#include "core/exchange/exchange.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"

namespace gatehouse::core {
namespace {

void outlive(gh_exchange* x, int (*wanted)(void*), void* self) {
  std::function<bool()> asks;
  if (wanted) asks = [wanted, self] { return wanted(self) != 0; };
  Exchange::of(x).outlive(std::move(asks));
}

}  // namespace

const gh_share_api& share_table() {
  static constexpr gh_share_api kTable = {
      .size = sizeof kTable, .reserved = 0, .outlive = guarded<outlive>};
  return kTable;
}

}  // namespace gatehouse::core
