#include "chat.h"

#include <algorithm>

#include "gatehouse/models.hpp"
#include "gatehouse/toolkit/ingress.hpp"
#include "options.h"
#include "schema.h"

namespace gatehouse::plugins::chat {

Status Chat::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() != route_) return next(x, out);
  const auto began = host_.now();
  if (Status status = read(x); !status) return status;
  const View id = (*x.json())["id"].str();
  return resumption_.run(x, out, id, [&](Sink& to) { return respond(x, to, next, began); });
}

Status Chat::read(Exchange& x) const {
  auto body = x.json();
  if (!body) return body.error();
  if (Status status = check_body(*body, choices_); !status) return status;
  // The client does not want the response that it has, so a cache must not replay it.
  if ((*body)["trigger"].str() == "regenerate-message") x.notes().edit("regenerate").set(true);
  return write_document(*body, defaults_, x.make_chat());
}

/// The stream begins with the first event, or when the gateway first waits for something, which
/// may take minutes. A failure before that has its own status and headers; a later one is an error
/// in the stream, whose status 200 has left by then. Either goes up as well, to be logged.
Status Chat::respond(Exchange& x, Sink& out, Next& next, std::chrono::nanoseconds began) const {
  UiStream stream(host_, x, out, shown_);
  ModelResponse response(stream, host_, x, began);
  Status status;
  {
    const BeforeWait opening(x, [&stream] { return stream.open(); });
    status = next(x, response);
  }
  response.note();
  if (status) status = response.end();
  if (status) return stream.finish(response);
  if (x.committed() && status.code() != GH_STOP) (void)stream.fail();
  return status;
}

namespace {

// Not a default of the schema: the provider is asked to check only the models that the operator
// names, and the last two are what clients of 2025 request.
constexpr const char* kModels[] = {"gemini-3.8-flash", "gemini-3.5-flash-lite", "gemini-4-hydrogen",
                                   "gemini-2.5-pro", "gemini-2.5-flash"};

std::vector<std::string> texts(Json list) {
  std::vector<std::string> out;
  for (const Json text : list) out.emplace_back(text.str());
  return out;
}

Choices choices(Json config) {
  const bool has_models{config["models"]};
  return {.models = has_models ? texts(config["models"])
                               : std::vector<std::string>(std::begin(kModels), std::end(kModels)),
          .options = texts(config["model_options"])};
}

Defaults defaults(Json config) {
  Defaults out{.model = std::string(config["default_model"].str()),
               .system_prompt = std::string(config["system_prompt"].str()),
               .temperature = {},
               .max_output_tokens = {},
               .reasoning = config["send_reasoning"].boolean()};
  if (const Json temperature = config["temperature"]) out.temperature = temperature.real();
  if (const Json limit = config["max_output_tokens"]) out.max_output_tokens = limit.integer();
  return out;
}

/// The description of the routes, with the models and options that this configuration allows.
std::string description(const Choices& choices) {
  auto document = Document::parse(GATEHOUSE_OPENAPI);
  if (!document) return {};
  MutableJson schemas = document->root().edit("components").edit("schemas");
  for (const std::string& model : choices.models)
    schemas.edit("ChatModel").edit("enum").push().set(View(model));
  MutableJson members = schemas.edit("ModelOptions").edit("properties");
  for (const Option& option : options()) {
    const bool is_allowed = std::find(choices.options.begin(), choices.options.end(),
                                      option.name) != choices.options.end();
    if (!is_allowed) members.erase(members[option.body_name]);
  }
  return document->root().dump();
}

}  // namespace

Chat::Chat(Host host, Json config)
    : host_(host),
      route_(host.route("POST", "/api/chat")),
      choices_(choices(config)),
      defaults_(defaults(config)),
      shown_{.send_reasoning = defaults_.reasoning,
             .send_sources = config["send_sources"].boolean(),
             .send_model_version = config["send_model_version"].boolean()},
      resumption_(host, config) {
  OpenApi(host).describe(description(choices_));
  host.route<&Chat::resume>(this, "GET", "/api/chat/*/stream");
  host.route<&Chat::stop>(this, "DELETE", "/api/chat/*/stream");
  if (resumption_.is_on()) background<&Chat::forget>(host, this);
  const auto is_listed = [this](View name) {
    return std::find(choices_.models.begin(), choices_.models.end(), name) != choices_.models.end();
  };
  if (!is_listed("*") && !is_listed(defaults_.model))
    host.problem("/default_model", "must be one of models: add it there, or choose one of them");
  const OfferedModels offered(host);
  if (!defaults_.model.empty()) offered.offer(defaults_.model);
  // Only those that the operator names: some of the defaults are for older clients only.
  for (const Json model : config["models"]) {
    if (model.str() != "*") offered.offer(model.str());
  }
}

}  // namespace gatehouse::plugins::chat

GATEHOUSE_PLUGIN(gatehouse::plugins::chat::Chat, "chat", "1.0.0",
                 "POST /api/chat for clients of the Vercel AI SDK", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_INGRESS | GH_PLUGIN_UNLOADS)
