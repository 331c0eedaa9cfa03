#include "core/pipeline/models_table.h"

#include <algorithm>

#include "core/pipeline/instance.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {

const gh_models_api& models_table() {
  static const gh_models_api table = {
      sizeof(gh_models_api),
      [](const gh_host* host, gh_str model) {
        std::vector<std::string>* const models = Instance::of(host).offered_models();
        if (models && std::find(models->begin(), models->end(), view(model)) == models->end()) models->emplace_back(view(model));
      },
      [](const gh_host* host, void* to, void (*each)(void*, gh_str)) {
        const std::vector<std::string>* const models = Instance::of(host).offered_models();
        for (std::size_t i = 0; models && i < models->size(); ++i) each(to, raw((*models)[i]));
      },
  };
  return table;
}

}  // namespace gatehouse::core
