#include "anthropic.h"

#include "request.h"
#include "response.h"
#include "schema.h"

namespace gatehouse::plugins::anthropic {
namespace {

using std::chrono::nanoseconds;

/// Until the limit that is used up is reset.
nanoseconds reset_of(const HttpResponse& response, nanoseconds wall) {
  nanoseconds longest(0);
  for (const std::string unit : {"requests", "tokens", "input-tokens", "output-tokens"}) {
    const std::string limit = "anthropic-ratelimit-" + unit;
    if (response.header(limit + "-remaining") != "0") continue;
    const auto reset = until(std::string(response.header(limit + "-reset")), wall);
    longest = std::max(longest, reset.value_or(nanoseconds(0)));
  }
  return longest;
}

ModelApi::Options options_of(Host host, Json config) {
  ModelApi::Options options;
  options.provider = host.instance();
  options.gen_ai_provider = "anthropic";
  options.base_url = config["base_url"].str();
  options.list_path = "/v1/models";
  options.has_list = false;  // of compatible servers some have none
  options.key_header = "x-api-key";
  options.failure_of = failure_of;
  options.wait = reset_of;
  options.headers.emplace_back("anthropic-version", config["version"].str());
  options.add_headers(config["headers"]);
  return options;
}

// The first version without sampling parameters:
// https://platform.claude.com/docs/en/api/migration-2026-10-21
bool takes_sampling(View version) { return version < "2026-10-21"; }

}  // namespace

Anthropic::Anthropic(Host host, Json config)
    : models_(config["models"]), api_(host, config, options_of(host, config)) {
  for (const View name : {"version", "cache", "thinking", "max_output_tokens", "as_ai_sdk_5"}) {
    if (config[name]) settings_.root().edit(name).set(config[name]);
  }
  host.info("model responses come from Anthropic's API at " +
            std::string(config["base_url"].str()));
}

Status Anthropic::handle(Exchange& x, Sink& out, Next& next) {
  const Json chat = x.chat(), settings = settings_.root();
  const View model = chat["model"].str();
  if (!models_.has(model)) return next(x, out);
  if (Status s = check_model_name(model); !s) return s;

  const Model& rules = find_model(model);
  const RequestOptions options{
      rules, settings,
      rules.sampling != Model::no_sampling && takes_sampling(settings["version"].str())};
  auto unhonoured = check_chat(chat, options);
  if (!unhonoured) return unhonoured.error();
  ChatNames names(chat, {128}, {64});
  const auto body = [&] { return request_body(chat, options, names); };
  if (is_count_only(chat)) {
    TokenCount count(out, *unhonoured, "input_tokens");
    return api_.call(x, {model, "/v1/messages/count_tokens", body}, count);
  }
  AnthropicResponse response(out, *unhonoured, names, settings["as_ai_sdk_5"].boolean());
  return api_.call(x, {model, "/v1/messages", body}, response);
}

}  // namespace gatehouse::plugins::anthropic

GATEHOUSE_PLUGIN(gatehouse::plugins::anthropic::Anthropic, "anthropic", "1.0.0",
                 "Sends chats to Anthropic's Messages API", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER | GH_PLUGIN_UNLOADS)
