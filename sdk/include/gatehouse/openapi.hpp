/// gatehouse.openapi/1: the OpenAPI document of the routes that the plugins of a pipeline claim.
#pragma once

#include <string>

#include "gatehouse/abi/ext/openapi.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// The OpenAPI 3.1 document of the pipeline, and this plugin's part of it.
class OpenApi {
 public:
  explicit OpenApi(Host host)
      : host_(host.raw_host()), api_(detail::required<gh_openapi_api>(host, GH_OPENAPI_1)) {}

  /// [constructor only] Describes this instance's routes; GATEHOUSE_OPENAPI is the file that
  /// gatehouse_add_plugin() was given. See abi/ext/openapi.h.
  void describe(View document) const {
    if (api_) api_->describe(host_, raw(document));
  }
  /// As JSON.
  std::string document() const {
    std::string out;
    api_->document(host_, &out, [](void* to, gh_str json) {
      static_cast<std::string*>(to)->append(json.p, json.n);
    });
    return out;
  }

 private:
  const gh_host* host_;
  const gh_openapi_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
