/// A call of handle() is a Turn: attempts until one succeeds, or fails and cannot be repaired. An
/// Attempt is what becomes one response: a request, and further requests in which Gemini continues
/// the response. An attempt emits nothing before there is something to show, so that a plugin above
/// can call again after most failures.
#include "gemini.h"

#include <algorithm>

#include "chat_check.h"
#include "response.h"
#include "schema.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstByte = 300s;  // models reason for minutes before the first byte

/// The name becomes part of a path, which it must not change.
bool is_model_name(View text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::string hint_of_old_key(const UpstreamFailure& failure, View key) {
  constexpr View kOldKey = "AIza";
  if (failure.code != "upstream_key_refused" || key.substr(0, kOldKey.size()) != kOldKey) return {};
  return "; Google rejects keys of the old kind (AIza…) since 2026: create a new one in AI Studio";
}

ModelApi::Options options_of(Host host, Json config, const ModelNews& news) {
  ModelApi::Options options;
  options.provider = host.instance();
  options.gen_ai_provider = "gcp.gemini";
  options.base_url = config["base_url"].str();
  options.list_path = "/models?pageSize=1";
  options.key_header = "X-Goog-Api-Key";
  options.repeats_unseen = true;
  options.failure_of = failure_of;
  options.hint = hint_of_old_key;
  options.news = [&news] { return news.summary(); };
  return options;
}

}  // namespace

/// What the requests of one call of handle() have in common, and what changes between them.
struct Gemini::Turn {
  Json chat;
  View requested, model;  // by the client, and at Gemini
  const Model& rules;
  Json settings;
  ToolNames names;
  Repairs repairs;

  RequestOptions options(View continuation_token = {}) {
    return {
        rules, settings, names, repairs.tools(), repairs.foreign_signatures(), continuation_token};
  }
  GeminiResponse::Question question(bool tried_before) const {
    const Json limit =
        chat["max_output_tokens"] ? Json(chat["max_output_tokens"]) : settings["max_output_tokens"];
    return {names,
            chat["messages"],
            chat["backend_tools"],
            wants_provider_tool(chat, settings, "google_search"),
            settings["as_ai_sdk_5"].boolean(),
            limit.integer(),
            settings["continuation"]["max_hops"].integer(),
            tried_before};
  }
  std::chrono::nanoseconds first_byte() const {
    const bool is_slow = rules.first_byte > 0s;
    return settings["first_byte_timeout"].duration(is_slow ? rules.first_byte : kFirstByte);
  }
};

class Gemini::Attempt final : public GeminiResponse {
 public:
  Attempt(Gemini& gemini, const Turn& turn, Sink& out, const Unhonoured& unhonoured,
          bool tried_before)
      : GeminiResponse(out, unhonoured, turn.question(tried_before)),
        gemini_(gemini),
        turn_(turn) {}

  void judge(UpstreamFailure& failure, Json body) override {
    GeminiResponse::judge(failure, body);
    gemini_.note_gone(failure, turn_.model, error_of(body)["message"].str());
  }
  void answered(Exchange& x) override {
    gemini_.news_.read(x, turn_.requested, turn_.model, reported());
  }

 private:
  Gemini& gemini_;
  const Turn& turn_;
};

Gemini::Gemini(Host host, Json config)
    : host_(host),
      models_(host, config["models_file"].str()),
      settings_(host, config, models_),
      crypto_(host),
      tools_(host),
      news_(host, models_),
      api_(host, config, options_of(host, config, news_)) {
  host.info("model responses come from Gemini at " + std::string(config["base_url"].str()));
}

Status Gemini::handle(Exchange& x, Sink& out, Next&) {
  const Json chat = x.chat();
  const View requested = chat["model"].str();
  if (!is_model_name(requested)) {
    return Fail{
        400, "invalid_model", "`model` must consist of letters, digits, '.', '_' and '-'.", {}};
  }
  const View model = models_.current(requested);
  Turn turn{chat,
            requested,
            model,
            models_.find(model),
            settings_.of(model),
            ToolNames(crypto_, chat["tools"]),
            Repairs(tools_.recall(model, chat["tools"]))};
  log_tools(x, turn);
  if (is_count_only(chat)) return count(x, out, turn);
  for (;;) {
    Repairable rejected;
    Status status = respond(x, out, turn, rejected);
    if (status && turn.repairs.any()) tools_.keep(model, chat["tools"], turn.repairs.tools());
    if (status || !turn.repairs.apply(rejected, chat["tools"], host_, x)) return status;
  }
}

/// For a chat with `count_only`.
Status Gemini::count(Exchange& x, Sink& out, Turn& turn) {
  auto unhonoured = check_chat(turn.chat, turn.options());
  if (!unhonoured) return unhonoured.error();
  TokenCount tokens(out, *unhonoured, "totalTokens");
  const std::string path = "/models/" + std::string(turn.model) + ":countTokens";
  const auto body = [&] { return count_body(turn.chat, turn.model, turn.options()); };
  return api_.call(x, {turn.model, path, body, turn.first_byte()}, tokens);
}

/// One attempt. `rejected`: what of it can be repaired, if it failed.
Status Gemini::respond(Exchange& x, Sink& out, Turn& turn, Repairable& rejected) {
  auto unhonoured = check_chat(turn.chat, turn.options());
  if (!unhonoured) return unhonoured.error();
  Attempt attempt(*this, turn, out, *unhonoured, api_.has_failed(x));
  const std::string path = "/models/" + std::string(turn.model) + ":streamGenerateContent?alt=sse";
  const auto body = [&] {
    return request_body(turn.chat, turn.options(attempt.continuation_token()));
  };
  Status status = api_.call(x, {turn.model, path, body, turn.first_byte()}, attempt);
  rejected = attempt.rejected();
  log_end(x, attempt);
  return status;
}

/// Another model responds in the place of one that is gone.
void Gemini::note_gone(UpstreamFailure& failure, View model, View message) {
  if (failure.code != "upstream_model_unknown") return;
  failure.health = GH_DEGRADED;
  failure.remedy = "Gemini does not have " + std::string(model);
  if (!is_gone_for_good(message) || !models_.note_gone(model)) return;
  failure.remedy.append(" for this key any longer; using ")
      .append(models_.current(model))
      .append(" from now on");
}

void Gemini::log_tools(const Exchange& x, const Turn& turn) const {
  constexpr std::size_t kMany = 128;  // Google recommends 10 to 20 at a time
  const std::size_t count = turn.chat["tools"].size();
  if (count > kMaxFunctions) {
    host_.log(GH_WARN, &x,
              "Gemini accepts 512 tools: using the first ones of " + std::to_string(count));
  } else if (count >= kMany) {
    host_.log(GH_INFO, &x,
              "the request offers " + std::to_string(count) + " tools: models choose best from 20");
  }
  const Json builtin = turn.settings["builtin_tools"];
  if (count > 0 && builtin.size() > 0 && turn.rules.search && !turn.rules.search_with_functions) {
    host_.log(
        GH_INFO, &x,
        "this model does not combine functions with tools of Google, left out: " + builtin.dump());
  }
}

/// What Gemini reports about the end of a response, in its own words.
void Gemini::log_end(const Exchange& x, const GeminiResponse& response) const {
  const Report& report = response.reported();
  if (!report.reason.empty() && !is_known_reason(report.reason))
    host_.log(GH_WARN, &x, "unknown finishReason of Gemini: " + report.reason);
  if (!host_.logs(GH_DEBUG)) return;
  const std::pair<View, const std::string&> members[] = {
      {"model", report.model},     {"id", report.id},       {"reason", report.reason},
      {"message", report.message}, {"stage", report.stage}, {"retires", report.retires}};
  const Document fields;
  for (const auto& [name, text] : members) {
    if (!text.empty()) fields.root().edit(name).set(View(text));
  }
  if (!fields.root().is_object()) return;
  response.counts().counts().write(fields.root().edit("usage"));
  host_.log(GH_DEBUG, &x, "Gemini response ended", fields.root());
}

}  // namespace gatehouse::plugins::gemini

GATEHOUSE_PLUGIN(gatehouse::plugins::gemini::Gemini, "gemini", "1.0.0",
                 "Sends chats to Google's Gemini API", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER | GH_PLUGIN_UNLOADS)
