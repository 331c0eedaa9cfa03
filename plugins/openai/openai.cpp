#include "openai.h"

#include "request.h"
#include "response.h"
#include "schema.h"

namespace gatehouse::plugins::openai {
namespace {

using std::chrono::nanoseconds;

/// Until the limit that is used up is reset, such as "6m0s".
nanoseconds reset_of(const HttpResponse& response, nanoseconds) {
  nanoseconds longest(0);
  for (const std::string unit : {"requests", "tokens"}) {
    if (response.header("x-ratelimit-remaining-" + unit) != "0") continue;
    const auto reset = parse_units(response.header("x-ratelimit-reset-" + unit));
    longest = std::max(longest, reset.value_or(nanoseconds(0)));
  }
  return longest;
}

ModelApi::Options options_of(Host host, Json config, const Dialect& dialect) {
  const bool is_azure = !dialect.api_version.empty();
  ModelApi::Options options;
  options.provider = host.instance();
  options.gen_ai_provider = is_azure ? "azure.ai.openai" : "openai";
  options.base_url = dialect.base_url;
  options.list_path = dialect.path("/models", {});
  options.has_list = false;
  options.key_header = is_azure ? "api-key" : "Authorization";
  options.before_key = is_azure ? "" : "Bearer ";
  options.failure_of = failure_of;
  options.wait = reset_of;
  options.add_headers(config["headers"]);
  return options;
}

}  // namespace

OpenAi::OpenAi(Host host, Json config)
    : dialect_(config),
      models_(config["models"]),
      api_(host, config, options_of(host, config, dialect_)) {
  extra_.root().set(config["extra"]);
  for (const auto [name, value] : config["extra"].members()) {
    if (is_own_member(name))
      host.problem("/extra/" + std::string(name), "is written by the gateway: remove it");
  }
  host.info("model responses come from " + dialect_.base_url);
}

Status OpenAi::handle(Exchange& x, Sink& out, Next& next) {
  const Json chat = x.chat();
  const View model = chat["model"].str();
  if (!models_.has(model)) return next(x, out);
  if (Status s = check_model_name(model); !s) return s;

  auto unhonoured = check_chat(chat, dialect_);
  if (!unhonoured) return unhonoured.error();
  ChatNames names = names_of(chat, dialect_);
  OpenAiResponse response(out, *unhonoured, names);
  const std::string path = dialect_.path("/chat/completions", model);
  const auto body = [&] { return request_body(chat, dialect_, names, extra_.root()); };
  return api_.call(x, {model, path, body}, response);
}

}  // namespace gatehouse::plugins::openai

GATEHOUSE_PLUGIN(gatehouse::plugins::openai::OpenAi, "openai", "1.0.0",
                 "Sends chats to servers of OpenAI's Chat Completions API", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER | GH_PLUGIN_UNLOADS)
