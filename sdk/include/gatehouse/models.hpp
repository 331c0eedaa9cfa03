/// gatehouse.models/1: which models requests may name.
#pragma once

#include <string>
#include <vector>

#include "gatehouse/abi/ext/models.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// [constructor only] Which models requests may ask for. A host without the extension knows of
/// none.
class OfferedModels {
 public:
  explicit OfferedModels(Host host)
      : host_(host.raw_host()),
        api_(static_cast<const gh_models_api*>(host.extension(GH_MODELS_1))) {}

  void offer(View model) const {
    if (api_) api_->offer(host_, raw(model));
  }
  /// Requests for `name` go on to the provider instance `provider`, as requests for `model`; see
  /// abi/ext/models.h.
  void lead(View name, View provider, View model) const {
    if (api_ && GH_HAS(gh_models_api, api_, lead))
      api_->lead(host_, raw(name), raw(provider), raw(model));
  }
  /// By the instances before this one.
  std::vector<std::string> list() const {
    std::vector<std::string> models;
    if (api_)
      api_->offered(host_, &models, [](void* to, gh_str model) {
        static_cast<std::vector<std::string>*>(to)->emplace_back(view(model));
      });
    return models;
  }

 private:
  const gh_host* host_;
  const gh_models_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
