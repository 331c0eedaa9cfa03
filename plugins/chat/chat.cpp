#include "chat.h"

#include <algorithm>

#include "gatehouse/models.hpp"
#include "schema.h"
#include "tally.h"

namespace gatehouse::plugins::chat {
namespace {

constexpr View kSystemPrompt =
    "You are an assistant inside a browser extension, beside the page the user is looking at. "
    "Answer in the user's language, "
    "briefly and to the point. When tools are offered and one of them can do what is asked, use it "
    "rather than explain how. "
    "Say so when you do not know.";

// The last two: what clients ask for that were written in 2025.
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
  Defaults out{.model = std::string(config["default_model"].str("gemini-3.8-flash")),
               .system_prompt = std::string(config["system_prompt"].str(kSystemPrompt)),
               .temperature = {},
               .max_output_tokens = {},
               .reasoning = config["send_reasoning"].boolean(true)};
  if (const Json temperature = config["temperature"]) out.temperature = temperature.real();
  if (const Json limit = config["max_output_tokens"]) out.max_output_tokens = limit.integer();
  return out;
}

/// For the access log.
void note(const Exchange& x, const UiStream& stream) {
  MutableJson notes = x.notes();
  const auto set = [&notes](View name, View text) {
    if (!text.empty()) notes.edit(name).set(text);
  };
  const auto set_count = [&notes](View name, std::optional<std::int64_t> tokens) {
    if (tokens) notes.edit(name).set(*tokens);
  };
  set("model", x.chat()["model"].str());
  set("answered_by", stream.model_version());
  set("response_id", stream.response_id());
  set("finish_reason", stream.finish_reason());
  set_count("input_tokens", stream.tokens().input);
  set_count("output_tokens", stream.tokens().output);
  set_count("total_tokens", stream.tokens().total);
  set_count("reasoning_tokens", stream.tokens().reasoning);
  set_count("cached_input_tokens", stream.tokens().cached);
}

}  // namespace

Chat::Chat(Host host, Json config)
    : host_(host),
      route_(host.route("POST", "/api/chat")),
      resume_route_(host.route("GET", "/api/chat/*/stream")),
      choices_(choices(config)),
      defaults_(defaults(config)),
      shown_{.send_reasoning = defaults_.reasoning,
             .send_sources = config["send_sources"].boolean(true),
             .send_model_version = config["send_model_version"].boolean(true)} {
  if (std::find(choices_.models.begin(), choices_.models.end(), defaults_.model) ==
      choices_.models.end()) {
    host.problem("/default_model", "must be one of models: add it there, or choose one of them");
  }
  const OfferedModels offered(host);
  offered.offer(defaults_.model);
  for (const Json model : config["models"])
    offered.offer(model.str());  // of the defaults, some are for older clients only
}

Status Chat::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() == resume_route_) return resume(x, out);
  if (x.route() != route_) return next(x, out);
  const auto began = host_.now();
  if (Status status = read(x); !status) return status;
  return answer(x, out, next, began);
}

/// Answers are not kept, so there is never one to go on with. Any other status would put the page
/// into an error.
Status Chat::resume(Exchange& x, Sink& out) {
  x.set_status(204);
  return out.emit(event::bytes({}, true));
}

Status Chat::read(Exchange& x) const {
  auto body = x.json();
  if (!body) return body.error();
  if (Status status = check_body(*body, choices_); !status) return status;
  // The client does not want the answer it has got, so a cache must not give it again.
  if ((*body)["trigger"].str() == "regenerate-message") x.notes().edit("regenerate").set(true);
  return write_document(*body, defaults_, x.make_chat());
}

Status Chat::answer(Exchange& x, Sink& out, Next& next, std::chrono::nanoseconds began) const {
  x.set_header("Content-Type", "text/event-stream");
  x.set_header("Cache-Control", "no-cache");
  x.set_header("X-Accel-Buffering", "no");  // nginx: pass every piece on at once
  x.set_header("X-Vercel-AI-UI-Message-Stream", "v1");

  // Not flushed here: whatever waits below sends it first, and an answer that waits for nothing
  // leaves in one piece.
  UiStream stream(host_, x, out, shown_);
  if (Status status = stream.start(x.chat()["model"].str()); !status) return status;
  // A comment that clients skip, well within the 30 s to 60 s after which proxies give up on a
  // silent answer.
  x.heartbeat(": keep-alive\n\n", std::chrono::seconds(15));

  Tally tally(stream, host_, began);
  Status status = next(x, tally);
  note(x, stream);
  tally.note(x.notes());
  if (status) return stream.finish();
  // The head has left as 200, so a failure can only be told in the stream. It goes up as well, to
  // be logged.
  if (status.code() != GH_STOP) (void)stream.fail();
  return status;
}

}  // namespace gatehouse::plugins::chat

GATEHOUSE_PLUGIN(gatehouse::plugins::chat::Chat, "chat", "1.0.0",
                 "POST /api/chat for clients of the Vercel AI SDK", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_INGRESS)
