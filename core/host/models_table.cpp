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
  if (!models) return;
  for (std::size_t i = 0; i < models->list.size(); ++i) each(to, raw(models->list[i]));
  for (std::size_t i = 0; i < models->leads.size(); ++i) {
    const OfferedModels::Lead& lead = models->leads[i];
    const bool is_pattern = lead.model.find('*') != lead.model.npos;
    if (lead.provider == Instance::of(host).name() && !is_pattern) each(to, raw(lead.model));
  }
}

void lead(const gh_host* host, gh_str name, gh_str provider, gh_str model) {
  if (OfferedModels* const models = Instance::of(host).offered_models())
    models->lead(
        {std::string(view(name)), std::string(view(provider)), std::string(view(model)), host});
}

}  // namespace

const gh_models_api& models_table() {
  static constexpr gh_models_api kTable = {.size = sizeof kTable,
                                           .reserved = 0,
                                           .offer = guarded<offer>,
                                           .offered = guarded<offered>,
                                           .lead = guarded<lead>};
  return kTable;
}

}  // namespace gatehouse::core
