#include "openapi.h"

#include "schema.h"

namespace gatehouse::plugins::openapi {

Document::Document(Host host, Json) : routes_(host) {
  routes_.describe(GATEHOUSE_OPENAPI);
  host.route<&Document::show>(this, "GET", "/openapi.json");
}

Status Document::show(Exchange& x, Sink& out) {
  return x.reply(out, 200, "application/json", routes_.document());
}

}  // namespace gatehouse::plugins::openapi

GATEHOUSE_PLUGIN(gatehouse::plugins::openapi::Document, "openapi", "1.0.0",
                 "Serves the OpenAPI document of all routes at GET /openapi.json", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_UNLOADS)
