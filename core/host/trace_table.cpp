#include "core/exchange/exchange.h"
#include "core/host/instance.h"
#include "core/host/tables.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

gh_status set(gh_exchange* x, gh_str traceparent) {
  return Exchange::of(x).set_trace(view(traceparent)) ? GH_OK : GH_INVALID;
}

void around(const gh_host* host, int place, decltype(Around::handle) handle, void* self) {
  Instance::of(host).add_around({place, handle, self, host});
}

}  // namespace

const gh_trace_api& trace_table() {
  static constexpr gh_trace_api kTable = {
      .size = sizeof kTable, .reserved = 0, .set = set, .around = around};
  return kTable;
}

}  // namespace gatehouse::core
