#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

void offer(const gh_host* host, gh_str model) {
  if (OfferedModels* const models = Instance::of(host).offered_models()) models->add(view(model));
}

void offered(const gh_host* host, void* to, void (*each)(void*, gh_str)) {
  const OfferedModels* const models = Instance::of(host).offered_models();
  for (std::size_t i = 0; models && i < models->list.size(); ++i) each(to, raw(models->list[i]));
}

}  // namespace

const gh_models_api& models_table() {
  static constexpr gh_models_api kTable = {
      .size = sizeof kTable, .reserved = 0, .offer = guarded<offer>, .offered = guarded<offered>};
  return kTable;
}

}  // namespace gatehouse::core
