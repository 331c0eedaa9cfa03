#include "responses.h"

#include "body.h"
#include "document.h"
#include "gatehouse/toolkit/api_caller.hpp"
#include "gatehouse/toolkit/fresh_id.hpp"
#include "gatehouse/toolkit/openai_error.hpp"
#include "gatehouse/toolkit/respond.hpp"
#include "reply.h"
#include "schema.h"

namespace gatehouse::plugins::responses {

Status Responses::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() != route_) return next(x, out);
  const auto began = host_.now();
  Json body;
  if (Status s = read(x, body); !s) return s;
  Reply reply(host_, x, out, body, fresh_id(), ids_, stored_);
  return respond(host_, x, next, began, reply);
}

Status Responses::read(Exchange& x, Json& body) {
  if (Status s = check_caller(x, anyone_); !s) return s;
  auto json = x.json();
  if (!json) return json.error();
  body = *json;
  if (Status s = check_body(body); !s) return s;
  if (Status s = write_document(x, body, ids_, stored_); !s) return s;
  if (sends_reasoning_ && !body["reasoning"]["summary"].is_null())
    x.chat().edit("reasoning").edit("visible").set(true);
  return {};
}

std::string Responses::render(Exchange& x, const Failure& failure) const {
  report_of(failure).write_head(x);
  return openai_error(failure);
}

Responses::Responses(Host host, Json config)
    : host_(host),
      route_(host.route("POST", "/v1/responses")),
      anyone_(lets_anyone(host, config)),
      sends_reasoning_(config["send_reasoning"].boolean()),
      ids_(host),
      stored_(host, config["keep_items"].duration()) {
  OpenApi(host).describe(GATEHOUSE_OPENAPI);
  for (const View path : {"/v1/responses", "/v1/responses/*"})
    render_failures<&Responses::render>(host, path, "", this);
}

}  // namespace gatehouse::plugins::responses

GATEHOUSE_PLUGIN(gatehouse::plugins::responses::Responses, "responses", "1.0.0",
                 "POST /v1/responses for clients of OpenAI's Responses API", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_INGRESS | GH_PLUGIN_UNLOADS)
