#include "core/host/models_table.h"

#include "core/host/instance.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {

const gh_models_api& models_table() {
  static const gh_models_api table = {
      sizeof(gh_models_api),
      [](const gh_host* host, gh_str model) {
        if (OfferedModels* const models = Instance::of(host).offered_models())
          models->add(view(model));
      },
      [](const gh_host* host, void* to, void (*each)(void*, gh_str)) {
        const OfferedModels* const models = Instance::of(host).offered_models();
        for (std::size_t i = 0; models && i < models->list.size(); ++i)
          each(to, raw(models->list[i]));
      },
  };
  return table;
}

}  // namespace gatehouse::core
