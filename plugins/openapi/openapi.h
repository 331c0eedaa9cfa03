#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::openapi {

/// Serves the OpenAPI document of the pipeline's routes at GET /openapi.json.
class Document final : public Plugin {
 public:
  Document(Host host, Json);

 private:
  Status show(Exchange& x, Sink& out);

  const OpenApi routes_;
};

}  // namespace gatehouse::plugins::openapi
