#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

std::int32_t route(const gh_host* host, gh_str method, gh_str path, gh_str summary) {
  return Instance::of(host).add_admin_route(view(method), view(path), view(summary));
}

}  // namespace

const gh_admin_api& admin_table() {
  static constexpr gh_admin_api kTable = {
      .size = sizeof kTable, .reserved = 0, .route = guarded<route, -1>};
  return kTable;
}

}  // namespace gatehouse::core
