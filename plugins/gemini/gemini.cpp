/// A call of handle() is a Turn: attempts until one succeeds, or fails and cannot be repaired. An
/// Attempt is what becomes one response: a request, and further requests in which Gemini continues
/// the response. An attempt emits nothing before there is something to show, so that a plugin above
/// can call again after most failures; what an attempt without a response has cost is kept in the
/// note `unanswered` and added to the usage of the next one. Each failure is logged here, as a
/// retry hides it from everybody above.
#include "gemini.h"

#include <algorithm>

#include "chat_check.h"
#include "repairs.h"
#include "retry_info.h"
#include "schema.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace std::chrono_literals;

constexpr const char* kGenAiProvider = "gcp.gemini";  // as OpenTelemetry calls it
constexpr auto kFirstByte = 300s;  // models reason for minutes before the first byte

bool is_model_name(View text);
GeminiFailure failure_in(HttpResponse& response, std::chrono::nanoseconds wall);

}  // namespace

/// What the requests of one call of handle() have in common, and what changes between them.
struct Gemini::Turn {
  Json chat;
  View requested, model;  // by the client, and at Gemini
  const Model& rules;
  Json settings;
  ToolNames names;
  Repairs repairs;
  View key{};  // of this request

  RequestOptions options(View continuation_token = {}) {
    return {
        rules, settings, names, repairs.tools(), repairs.foreign_signatures(), continuation_token};
  }
  GeminiResponse::Question question(const Unhonoured& unhonoured, Json unanswered) const {
    const Json limit =
        chat["max_output_tokens"] ? Json(chat["max_output_tokens"]) : settings["max_output_tokens"];
    return {names,
            chat["messages"],
            chat["backend_tools"],
            wants_provider_tool(chat, settings, "google_search"),
            settings["as_ai_sdk_5"].boolean(),
            limit.integer(),
            settings["continuation"]["max_hops"].integer(),
            unanswered,
            &unhonoured};
  }
  std::chrono::nanoseconds first_byte() const {
    const bool is_slow = rules.first_byte > 0s;
    return settings["first_byte_timeout"].duration(is_slow ? rules.first_byte : kFirstByte);
  }
};

struct Gemini::Attempt {
  GeminiResponse response;
  ModelCall call;
  /// Of Gemini or the connection; none where the sink has failed.
  std::optional<GeminiFailure> failure{};

  Status fail(GeminiFailure why) {
    failure = std::move(why);
    return Status(GH_FAILED);
  }
  /// `status`: of the host's HTTP client.
  Status interrupt(Status status, const Exchange& x, End& end) {
    if (status.code() != GH_FAILED) return status;
    end = End::broken;
    failure = failure_of_host(x);
    return status;
  }
};

Gemini::Gemini(Host host, Json config)
    : host_(host),
      keys_(host, config["api_key"]),
      probe_interval_(config["probe_interval"].duration()),
      models_(host, config["models_file"].str()),
      settings_(host, config, models_),
      http_(host,
            {std::string(config["base_url"].str()), config["connect_timeout"].duration(),
             kFirstByte, config["idle_timeout"].duration()},
            "/base_url"),
      crypto_(host),
      metrics_(host, "gemini", kGenAiProvider),
      health_(host),
      tools_(host),
      news_(host, models_) {
  if (config["probe_interval"].boolean(true)) background<&Gemini::watch>(host, this);
  host.info("model responses come from Gemini at " + std::string(config["base_url"].str()));
}

Status Gemini::handle(Exchange& x, Sink& out, Next&) {
  const Json chat = x.chat();
  const View requested = chat["model"].str();
  if (!is_model_name(requested)) {
    return Fail{
        400, "invalid_model", "`model` must consist of letters, digits, '.', '_' and '-'.", {}};
  }
  x.notes().edit("model").set(requested);
  x.notes().edit("provider").set(kGenAiProvider);

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
  return keys_.use(x, [&](View key) {
    turn.key = key;
    for (;;) {
      GeminiFailure failure;
      Status status = attempt(x, out, turn, failure);
      if (status || !turn.repairs.apply(failure, chat["tools"], host_, x)) return status;
    }
  });
}

/// For a chat with `count_only`.
Status Gemini::count(Exchange& x, Sink& out, Turn& turn) {
  auto unhonoured = check_chat(turn.chat, turn.options());
  if (!unhonoured) return unhonoured.error();
  const std::string path = "/models/" + std::string(turn.model) + ":countTokens";
  const std::string body = count_body(turn.chat, turn.model, turn.options());
  return keys_.use(x, [&](View key) -> Status {
    auto response = http_.send(
        x, "POST", path, {{"Content-Type", "application/json"}, {"X-Goog-Api-Key", key}}, body);
    if (!response) return response.error();
    TokenCount tokens(out, *unhonoured, "totalTokens");
    GeminiFailure failure;
    if (response->status() == 200) {
      std::string text;
      if (Status s = read_short_body(*response, text); !s) return s;
      gh_sse_event whole{};
      whole.data = raw(text);
      if (tokens.read(whole)) return tokens.finish();
      failure = tokens.failure();
    } else {
      failure = failure_in(*response, host_.wall());
    }
    failure.detail = loggable(std::move(failure.detail), key);
    explain(x, failure, key);
    return Fail(failure);
  });
}

/// `failure`: why it failed, if Gemini or the connection is to blame.
Status Gemini::attempt(Exchange& x, Sink& out, Turn& turn, GeminiFailure& failure) {
  auto unhonoured = check_chat(turn.chat, turn.options());
  if (!unhonoured) return unhonoured.error();
  Attempt attempt{{out, turn.question(*unhonoured, x.notes()["unanswered"])},
                  {turn.model, host_.now()}};
  Status status = follow(x, turn, attempt);
  if (attempt.failure) {
    failure = judge(x, turn, attempt);
    attempt.failure = failure;
    status = Fail(failure);
  }
  settle(x, turn, attempt, status);
  return status;
}

/// The requests of an attempt, one after another.
Status Gemini::follow(Exchange& x, Turn& turn, Attempt& attempt) {
  GeminiResponse& response = attempt.response;
  for (;;) {
    End end = End::complete;
    const auto began = host_.now();
    Status status = stream(x, turn, attempt, end);
    note_attempt(x, host_.now() - began);
    if (!status && end != End::broken) return status;
    if (end == End::rejected || !response.continues()) {
      if (end == End::broken) return status;
      status = response.finish();
      if (!response.failure().code.empty()) attempt.failure = response.failure();
      return status;
    }
    attempt.failure.reset();
    if (!response.continuation().stalls()) continue;
    if (Status slept = host_.sleep(x, 1s); !slept) return slept;
  }
}

/// One request and its response.
Status Gemini::stream(Exchange& x, Turn& turn, Attempt& attempt, End& end) {
  const View token = attempt.response.continuation().token();
  const std::string path = "/models/" + std::string(turn.model) + ":streamGenerateContent?alt=sse";
  // The body is a temporary: it may be large, and a response takes minutes.
  auto response = http_.send(x, "POST", path,
                             {{"Content-Type", "application/json"}, {"X-Goog-Api-Key", turn.key}},
                             request_body(turn.chat, turn.options(token)), turn.first_byte());
  if (!response) return attempt.interrupt(response.error(), x, end);
  attempt.call.http_status = response->status();
  if (response->status() == 200) return read_events(*response, x, attempt, end);
  GeminiFailure failure = failure_in(*response, host_.wall());
  if (token.empty() || !attempt.response.has_begun()) return attempt.fail(std::move(failure));
  end = End::rejected;  // what was sent of the response stays
  failure.detail = loggable(std::move(failure.detail), turn.key);
  explain(x, failure, turn.key);
  return {};
}

Status Gemini::read_events(HttpResponse& response, Exchange& x, Attempt& attempt, End& end) {
  if (!is_event_stream(response)) return attempt.fail(malformed("it is not an event stream"));
  for (;;) {
    auto event = response.next_event();
    if (!event) return attempt.interrupt(event.error(), x, end);
    if (!*event) return {};
    if (attempt.call.first_chunk.count() == 0) attempt.call.first_chunk = host_.now();
    Status status = attempt.response.read(view((*event)->data));
    if (status) continue;
    const GeminiFailure& why = attempt.response.failure();
    return why.code.empty() ? std::move(status) : attempt.fail(why);
  }
}

/// The failure of an attempt, with what only its circumstances show.
GeminiFailure Gemini::judge(const Exchange& x, const Turn& turn, const Attempt& attempt) {
  GeminiFailure failure = *attempt.failure;
  failure.detail = loggable(std::move(failure.detail), turn.key);
  if (failure.once && x.notes()["unanswered"]) failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};
  if (failure.code == "upstream_model_unknown") {
    failure.health = GH_DEGRADED;
    failure.remedy = "Gemini does not have " + std::string(turn.model);
    if (failure.model_gone && models_.note_gone(turn.model)) {
      failure.remedy.append(" for this key any longer; using ")
          .append(models_.current(turn.model))
          .append(" from now on");
    }
  }
  if (attempt.response.has_begun()) failure.repair = GeminiFailure::Repair::none;
  return failure;
}

/// What an attempt leaves besides its response: metrics, health, logs, and notes for the next one.
void Gemini::settle(Exchange& x, const Turn& turn, const Attempt& attempt, const Status& status) {
  ModelCall call = attempt.call;
  const GeminiResponse& response = attempt.response;
  log_end(x, response);
  if (status || attempt.failure) health_.note_request();
  if (status) {
    news_.read(x, turn.requested, turn.model, response.about());
    health_.report(GH_UP, news_.summary());
    if (turn.repairs.any()) tools_.keep(turn.model, turn.chat["tools"], turn.repairs.tools());
    if (const Json unanswered = x.notes()["unanswered"]) x.notes().erase(unanswered);
  } else if (attempt.failure) {
    call.error = attempt.failure->code;
    settle_failure(x, turn, attempt);
  } else {
    const Failure why = status.failure();
    call.error = why ? std::string(why.code()) : "cancelled";
  }
  call.input_tokens = response.usage().input_tokens();
  call.output_tokens = response.usage().output_tokens();
  metrics_.count(call);
}

void Gemini::settle_failure(const Exchange& x, const Turn& turn, const Attempt& attempt) {
  explain(x, *attempt.failure, turn.key);
  const MutableJson unanswered = x.notes().edit("unanswered");
  const Document counts = attempt.response.usage().counts(unanswered);
  counts.root().edit("attempts").set(unanswered["attempts"].integer() + 1);
  MutableJson(unanswered).set(Json(counts.root()));
}

/// Logs a failure of Gemini and shows it in the health.
void Gemini::explain(const Exchange& x, const GeminiFailure& failure, View key) {
  constexpr View kOldKey = "AIza";
  std::string remedy = failure.remedy;
  if (failure.code == "upstream_key_refused" && key.substr(0, kOldKey.size()) == kOldKey) {
    remedy +=
        "; Google rejects keys of the old kind (AIza…) since 2026: create a new one in AI Studio";
  }
  Document fields;
  fields.root().edit("code").set(failure.code);
  fields.root().edit("detail").set(failure.detail);
  const bool for_operator =
      failure.health == GH_DOWN || (failure.health == GH_UP && !remedy.empty());
  host_.log(for_operator ? GH_ERROR : GH_WARN, &x,
            remedy.empty() ? "Gemini request failed" : "Gemini request failed: " + remedy,
            fields.root());
  // Another key may be accepted.
  const int worst = keys_.count() > 1 ? GH_DEGRADED : GH_DOWN;
  if (failure.health != GH_UP) health_.report(std::min(failure.health, worst), remedy);
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
  if (!response.about().is_object()) return;
  Document fields;
  fields.root().set(response.about());
  fields.root().edit("usage").set(Json(response.usage().counts(Json()).root()));
  host_.log(GH_DEBUG, &x, "Gemini response ended", fields.root());
  const View reason = response.about()["reason"].str();
  if (!reason.empty() && !is_known_reason(reason))
    host_.log(GH_WARN, &x, "unknown finishReason of Gemini: " + std::string(reason));
}

/// In the background.
void Gemini::watch(Exchange& x) {
  health_.watch(x, probe_interval_, [this](Exchange& probing) { probe(probing); });
}

/// Lists one model, which is free of charge and shows whether a key is accepted.
void Gemini::probe(Exchange& x) {
  (void)keys_.use(x, [&](View key) -> Status {
    auto response = http_.send(x, "GET", "/models?pageSize=1", {{"X-Goog-Api-Key", key}}, {});
    GeminiFailure failure;
    if (!response) {
      Status status = response.error();
      if (status.code() != GH_FAILED) return status;
      failure = failure_of_host(x);
    } else if (response->status() == 200) {
      (void)read_error_body(*response);  // to its end, so that the connection can be reused
      health_.report(GH_UP, news_.summary());
      return {};
    } else {
      failure = failure_in(*response, host_.wall());
    }
    explain_probe(x, failure, key);
    return Fail(failure);
  });
}

void Gemini::explain_probe(const Exchange& x, GeminiFailure& failure, View key) {
  if (failure.health == GH_UP) {  // a chat or a model would be to blame, but there is none here
    failure.health = GH_DEGRADED;
    const bool is_rejected =
        failure.code == "upstream_refused" || failure.code == "upstream_model_unknown";
    failure.remedy =
        is_rejected ? "Gemini rejects the probe (list of models): check base_url" : failure.message;
  }
  failure.detail = loggable(std::move(failure.detail), key);
  explain(x, failure, key);
}

namespace {

/// The name becomes part of a path, which it must not change.
bool is_model_name(View text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// Why a response has another status than 200.
GeminiFailure failure_in(HttpResponse& response, std::chrono::nanoseconds wall) {
  auto document = Document::parse(read_error_body(response));  // of proxies it may be HTML
  const Json root = document ? Json(document->root()) : Json();
  const Json error = (root.is_array() ? root.at(0) : root)["error"];
  GeminiFailure failure = failure_of(response.status(), error);
  if ((failure.flags & GH_FAIL_TRANSIENT) == 0) return failure;
  failure.retry_after = retry_after(response, wall);
  if (failure.retry_after == 0ns) failure.retry_after = retry_info(error);
  return failure;
}

}  // namespace
}  // namespace gatehouse::plugins::gemini

GATEHOUSE_PLUGIN(gatehouse::plugins::gemini::Gemini, "gemini", "1.0.0",
                 "Sends chats to Google's Gemini API", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER | GH_PLUGIN_UNLOADS)
