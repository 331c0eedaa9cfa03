#include "core/exchange/exchange.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"

namespace gatehouse::core {
namespace {

int has_left(gh_exchange* x) { return Exchange::of(x).client().has_left(); }

}  // namespace

const gh_client_api& client_table() {
  static constexpr gh_client_api kTable = {
      .size = sizeof kTable, .reserved = 0, .has_left = guarded<has_left, 0>};
  return kTable;
}

}  // namespace gatehouse::core
