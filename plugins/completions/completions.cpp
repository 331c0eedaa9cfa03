#include "completions.h"

#include "body.h"
#include "completion.h"
#include "document.h"
#include "gatehouse/toolkit/api_caller.hpp"
#include "gatehouse/toolkit/backend_tools.hpp"
#include "gatehouse/toolkit/openai_error.hpp"
#include "gatehouse/toolkit/respond.hpp"
#include "schema.h"

namespace gatehouse::plugins::completions {

Completions::Completions(Host host, Json config)
    : host_(host),
      route_(host.route("POST", "/v1/chat/completions")),
      send_reasoning_(config["send_reasoning"].boolean()),
      anyone_(lets_anyone(host, config)),
      ids_(host) {
  OpenApi(host).describe(GATEHOUSE_OPENAPI);
  render_failures<&Completions::render>(host, "/v1/*", "", this);
}

Status Completions::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() != route_) return next(x, out);
  const auto began = host_.now();
  if (Status status = check_caller(x, anyone_); !status) return status;
  auto body = x.json();
  if (!body) return body.error();
  if (Status status = check_body(*body); !status) return status;
  if (Status status = write_document(x, *body, ids_, send_reasoning_, x.make_chat()); !status)
    return status;
  announce_backend_tools(x, x.chat());

  const Form form{host_, x, ids_, send_reasoning_};
  if (!(*body)["stream"].boolean()) {
    Completion completion(form, out);
    return respond(host_, x, next, began, completion);
  }
  Chunks chunks(form, out, (*body)["stream_options"]["include_usage"].boolean());
  return respond(host_, x, next, began, chunks);
}

std::string Completions::render(Exchange& x, const Failure& failure) const {
  report_of(failure).write_head(x);
  return openai_error(failure);
}

}  // namespace gatehouse::plugins::completions

GATEHOUSE_PLUGIN(gatehouse::plugins::completions::Completions, "completions", "1.0.0",
                 "POST /v1/chat/completions for clients of OpenAI's API", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_INGRESS | GH_PLUGIN_UNLOADS)
