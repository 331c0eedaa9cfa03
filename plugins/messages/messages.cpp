#include "messages.h"

#include "document.h"
#include "errors.h"
#include "gatehouse/toolkit/api_caller.hpp"
#include "gatehouse/toolkit/ingress.hpp"
#include "message.h"
#include "schema.h"

namespace gatehouse::plugins::messages {

Status Messages::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() == create_) return create(x, out, next);
  if (x.route() == count_) return count(x, out, next);
  return next(x, out);
}

/// The body, of which the chat document has been made.
Result<Json> Messages::read(Exchange& x, Purpose purpose) const {
  x.set_header("request-id", x.request_id());
  if (Status s = check_caller(x, anyone_); !s) return s;
  auto body = x.json();
  if (!body) return body.error();
  if (Status s = check_body(*body, purpose); !s) return s;
  if (Status s = write_document(x, *body, purpose, ids_); !s) return s;
  return Json(*body);
}

Status Messages::create(Exchange& x, Sink& out, Next& next) const {
  const auto began = host_.now();
  auto body = read(x, Purpose::kGenerate);
  if (!body) return body.error();
  const bool shows_thinking = sends_reasoning_ && shows((*body)["thinking"]);
  if ((*body)["stream"].boolean()) {
    StreamedMessage message(x, out, ids_, shows_thinking);
    return respond(host_, x, next, began, message);
  }
  WholeMessage message(x, out, ids_, shows_thinking);
  return respond(host_, x, next, began, message);
}

namespace {

/// For a response that consists of token counts.
class NoContent final : public Sink {
  Status emit(Event) override { return {}; }
};

}  // namespace

Status Messages::count(Exchange& x, Sink& out, Next& next) const {
  const auto began = host_.now();
  if (auto body = read(x, Purpose::kCount); !body) return body.error();
  NoContent none;
  ModelResponse response(none, host_, x, began);
  Status status = next(x, response);
  response.note();
  if (status) status = response.end();
  if (!status) {
    const FailureReport report = report_of(status.failure());
    return with_status(std::move(status), status_of(report));
  }
  const auto tokens = response.tokens()["input_tokens"];
  if (!tokens) {
    return Fail{502, "upstream_malformed", "The model's provider has not counted the tokens.",
                "no usage event has input_tokens"};
  }
  std::string body;
  JsonText(body).open('{').member("input_tokens", *tokens).close('}');
  return x.reply(out, 200, "application/json", body);
}

std::string Messages::render(Exchange& x, const Failure& failure) const {
  std::string body;
  JsonText json(body);
  write_error_head(failure, x);
  append_error(json, failure, x.request_id());
  return body;
}

Messages::Messages(Host host, Json config)
    : host_(host),
      create_(host.route("POST", "/v1/messages")),
      count_(host.route("POST", "/v1/messages/count_tokens")),
      anyone_(lets_anyone(host, config)),
      sends_reasoning_(config["send_reasoning"].boolean()),
      ids_(host) {
  OpenApi(host).describe(GATEHOUSE_OPENAPI);
  for (const View path : {"/v1/messages", "/v1/messages/*"})
    render_failures<&Messages::render>(host, path, "", this);
  // Of the routes that both APIs have, such as /v1/models.
  render_failures<&Messages::render>(host, "/v1/*", "anthropic-version", this);
}

}  // namespace gatehouse::plugins::messages

GATEHOUSE_PLUGIN(gatehouse::plugins::messages::Messages, "messages", "1.0.0",
                 "POST /v1/messages for clients of Anthropic's Messages API", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_INGRESS | GH_PLUGIN_UNLOADS)
