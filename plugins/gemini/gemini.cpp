#include "gemini.h"

#include <algorithm>

#include "gatehouse/toolkit/outcome.hpp"
#include "retry_after.h"
#include "schema.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstByte = 300s;  // models think for minutes before they say anything
constexpr int kMaxMends = 2;       // requests more than one for which Gemini takes something amiss
constexpr View kEventStream = "text/event-stream";
constexpr View kBaseUrl = "https://generativelanguage.googleapis.com/v1beta";
constexpr std::size_t kMaxErrorBytes =
    64 * 1024;  // an error of the Gemini API has a few KiB; of more, the status says enough
constexpr std::size_t kMaxDetailBytes =
    500;  // the rest of a long message repeats what the request was

/// It becomes part of a path, which it must not change.
bool is_model_name(View text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::string read_body(HttpResponse& answer) {
  std::string body;
  while (body.size() < kMaxErrorBytes) {
    auto piece = answer.read();
    if (!piece || !*piece) break;  // half an error is as good as none: its status says enough
    body.append(**piece);
  }
  return body;
}

/// Why the answer has another status than 200. `wall` is the time of day.
GeminiFailure read_failure(HttpResponse& answer, std::chrono::nanoseconds wall) {
  auto document = Document::parse(read_body(answer));  // a proxy's HTML page is none
  const Json root = document ? Json(document->root()) : Json();
  const Json error = (root.is_array() ? root.at(0) : root)["error"];
  GeminiFailure failure = failure_of(answer.status(), error);
  if (failure.flags & GH_FAIL_TRANSIENT) {
    failure.retry_after =
        retry_after(answer.header("retry-after-ms"), answer.header("Retry-After"), error, wall);
  }
  return failure;
}

/// What an upstream says may repeat the key, and go on for pages.
std::string fit_for_log(std::string text, View key) {
  constexpr View kInstead = "[key]";
  for (auto at = text.find(key); at != text.npos; at = text.find(key, at + kInstead.size()))
    text.replace(at, key.size(), kInstead);
  if (text.size() <= kMaxDetailBytes) return text;
  std::size_t end = kMaxDetailBytes;
  while ((text[end] & 0xC0) == 0x80) --end;  // not inside a character of UTF-8
  return text.substr(0, end);
}

/// What the host's HTTP client has left in the exchange.
GeminiFailure failure_of_host(const Exchange& x) {
  GeminiFailure failure;
  const auto left = x.failure();
  if (!left) return failure;
  static_cast<Fail&>(failure) = left.copy();
  if (failure.flags & GH_FAIL_UPSTREAM) {
    failure.health = GH_DEGRADED;
    failure.cure = failure.message;
  }
  return failure;
}

/// For the access log: how often Gemini was asked for this request, and how long that took in all.
void note_call(const Exchange& x, std::chrono::nanoseconds took) {
  MutableJson notes = x.notes();
  const std::chrono::duration<double, std::milli> before(notes["upstream_ms"].real());
  notes.edit("attempts").set(notes["attempts"].integer() + 1);
  notes.edit("upstream_ms").set(in_ms(took + std::chrono::round<std::chrono::nanoseconds>(before)));
}

bool contains(Json array, View text) {
  for (const Json element : array) {
    if (element.str() == text) return true;
  }
  return false;
}

}  // namespace

/// What the requests of one call of handle() have in common, and what changes from one to the next.
struct Gemini::Turn {
  Json chat;
  View asked, model;  // by the client, and of Gemini
  const Model& rules;
  Json settings;
  ToolNames names;
  std::vector<ToolForm> tools{};
  bool foreign_signatures = false;
  int mends = 0;
};

/// One try: a request, and those in which its answer goes on.
struct Gemini::Attempt {
  GeminiResponse answer;
  Call call;
  std::optional<GeminiFailure> failure{};  // of Gemini or the way to it; none where a plugin that watches
                                     // the answer has failed
};

Gemini::Gemini(Host host, Json config)
    : host_(host),
      api_key_(config["api_key"].str()),
      probe_interval_(config["probe_interval"].duration(60s)),
      models_(host, config["models_file"].str()),
      settings_(host, config, models_),
      http_(host,
            {std::string(config["base_url"].str(kBaseUrl)), config["connect_timeout"].duration(5s),
             kFirstByte, config["idle_timeout"].duration(300s)},
            "/base_url"),
      crypto_(host),
      tools_(host),
      news_(host, models_) {
  if (probe_interval_ < 1s)
    host.problem("/probe_interval", "must be at least 1s; false turns the probe off");
  if (config["probe_interval"].boolean(true)) background<&Gemini::watch>(host, this);
  host.info("answers come from gemini at " + std::string(config["base_url"].str(kBaseUrl)));
}

Status Gemini::handle(Exchange& x, Sink& out, Next&) {
  const Json chat = x.chat();
  const View asked = chat["model"].str();
  if (!is_model_name(asked))
    return Fail{
        400, "invalid_model", "`model` must consist of letters, digits, '.', '_' and '-'.", {}};
  x.notes().edit("model").set(asked);

  const View model = models_.name_to_ask(asked);
  Turn turn{chat,
            asked,
            model,
            models_.find(model),
            settings_.of(model),
            ToolNames(crypto_, chat["tools"])};
  turn.tools = tools_.recall(model, chat["tools"]);
  tell_of_tools(x, turn);
  for (;;) {
    GeminiFailure failure;
    Status status = attempt(x, out, turn, failure);
    if (status || !mend(x, turn, failure)) return status;
  }
}

/// What the model will not be offered as it was asked for, or will choose badly from.
void Gemini::tell_of_tools(const Exchange& x, const Turn& turn) const {
  constexpr std::size_t kMany = 128;  // Google advises 10 to 20 at a time
  const std::size_t count = turn.chat["tools"].size();
  if (count > kMaxFunctions) {
    host_.log(GH_WARN, &x,
              "gemini takes 512 tools: those beyond are left out of " + std::to_string(count));
  } else if (count >= kMany) {
    host_.log(
        GH_INFO, &x,
        "the model has " + std::to_string(count) + " tools to choose from, which is hard on it");
  }
  const Json builtin = turn.settings["builtin_tools"];
  if (count > 0 && builtin.size() > 0 && turn.rules.search && !turn.rules.search_with_functions) {
    host_.log(GH_INFO, &x, "not beside other tools with this model: " + builtin.dump());
  }
}

/// `failure`: why it failed, where Gemini or the way to it has.
Status Gemini::attempt(Exchange& x, Sink& out, Turn& turn, GeminiFailure& failure) {
  const Json limit = turn.chat["max_output_tokens"] ? turn.chat["max_output_tokens"]
                                                    : turn.settings["max_output_tokens"];
  const bool searches = contains(turn.settings["builtin_tools"], "google_search") ||
                        contains(turn.chat["provider_tools"], "google_search");
  Attempt attempt{{out,
                   {turn.names, turn.chat["messages"], turn.chat["backend_tools"], searches,
                    turn.settings["as_ai_sdk_5"].boolean(), limit.integer(),
                    turn.settings["continuation"]["max_hops"].integer(4), x.notes()["unanswered"]}},
                  {turn.model, host_.now()}};
  Status status = ask(x, turn, attempt);
  if (attempt.failure) {
    failure = *attempt.failure;
    failure.detail = fit_for_log(std::move(failure.detail), api_key_);
    if (failure.once && x.notes()["unanswered"]) failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};
    if (failure.code == "upstream_model_unknown") {
      failure.health = GH_DEGRADED;
      failure.cure = "Gemini does not have " + std::string(turn.model);
      if (failure.model_gone && models_.note_gone(turn.model)) {
        failure.cure.append(" for this key any longer: ")
            .append(models_.name_to_ask(turn.model))
            .append(" is asked from now on");
      }
    }
    attempt.failure = failure;
    if (attempt.answer.has_begun()) failure.mend = GeminiFailure::Mend::none;
    status = Fail(failure);
  }
  settle(x, turn, attempt, status);
  return status;
}

Status Gemini::ask(Exchange& x, Turn& turn, Attempt& attempt) {
  GeminiResponse& answer = attempt.answer;
  for (;;) {
    End end = End::whole;
    const auto began = host_.now();
    Status status = stream(x, turn, attempt, end);
    note_call(x, host_.now() - began);
    if (!status && end != End::broken) return status;
    if (end == End::refused || !answer.goes_on()) {
      if (end == End::broken) return status;
      status = answer.finish();
      if (!answer.failure().code.empty()) attempt.failure = answer.failure();
      return status;
    }
    attempt.failure.reset();
    if (!answer.continuation().stalls()) continue;
    if (Status slept = host_.sleep(x, 1s); !slept) return slept;
  }
}

/// One request, and what comes of it.
Status Gemini::stream(Exchange& x, Turn& turn, Attempt& attempt, End& end) {
  const auto way_failed = [&](Status status) {
    if (status.code() != GH_FAILED) return status;
    end = End::broken;
    attempt.failure = failure_of_host(x);
    return status;
  };
  const auto failed = [&](const GeminiFailure& failure) {
    attempt.failure = failure;
    return Status(GH_FAILED);
  };
  GeminiResponse& answer = attempt.answer;
  const View token = answer.continuation().token();
  const std::string path = "/models/" + std::string(turn.model) + ":streamGenerateContent?alt=sse";
  const auto first_byte = turn.settings["first_byte_timeout"].duration(
      turn.rules.first_byte > 0s ? turn.rules.first_byte : kFirstByte);
  // The body is a temporary: it may be large, and an answer takes minutes.
  auto response = http_.send(x, "POST", path,
                             {{"Content-Type", "application/json"}, {"X-Goog-Api-Key", api_key_}},
                             request_body(turn.chat, {turn.rules, turn.settings, turn.names,
                                                      turn.tools, turn.foreign_signatures, token}),
                             first_byte);
  if (!response) return way_failed(response.error());
  attempt.call.http_status = response->status();
  if (response->status() != 200) {
    GeminiFailure failure = read_failure(*response, host_.wall());
    failure.detail = fit_for_log(std::move(failure.detail), api_key_);
    if (token.empty() || !answer.has_begun()) return failed(failure);
    end = End::refused;  // what has come stays
    explain(x, failure);
    return {};
  }
  if (response->header("Content-Type").substr(0, kEventStream.size()) != kEventStream)
    return failed(malformed("it is no event stream"));

  for (;;) {
    auto event = response->next_event();
    if (!event) return way_failed(event.error());
    if (!*event) return {};
    if (attempt.call.first_chunk.count() == 0) attempt.call.first_chunk = host_.now();
    if (Status s = answer.read(view((*event)->data)); !s)
      return answer.failure().code.empty() ? std::move(s) : failed(answer.failure());
  }
}

/// What an attempt tells beyond its answer: metrics, health, logs, and notes for the next one.
void Gemini::settle(Exchange& x, const Turn& turn, const Attempt& attempt, const Status& status) {
  Call call = attempt.call;
  const GeminiResponse& answer = attempt.answer;
  log_end(x, answer);
  if (status || attempt.failure) heard_at_ns_ = host_.now().count();
  if (status) {
    news_.read(x, turn.asked, turn.model, answer.about());
    report(GH_UP, news_.summary());
    if (turn.mends > 0) tools_.keep(turn.model, turn.chat["tools"], turn.tools);
    if (const Json unanswered = x.notes()["unanswered"]) x.notes().erase(unanswered);
  } else if (attempt.failure) {
    call.error = attempt.failure->code;
    explain(x, *attempt.failure);
    const MutableJson unanswered = x.notes().edit("unanswered");
    const Document counts = answer.usage().counts(unanswered);
    counts.root().edit("attempts").set(unanswered["attempts"].integer() + 1);
    MutableJson(unanswered).set(Json(counts.root()));
  } else {
    const auto why = status.failure();
    call.error = why ? std::string(why.code()) : "cancelled";
  }
  call.input_tokens = answer.usage().input_tokens();
  call.output_tokens = answer.usage().output_tokens();
  count(host_, call);
}

/// Whether the same request can be put right and made again at once.
bool Gemini::mend(const Exchange& x, Turn& turn, const GeminiFailure& failure) const {
  if (failure.mend == GeminiFailure::Mend::none || turn.mends == kMaxMends) return false;
  if (failure.mend == GeminiFailure::Mend::signatures) {
    if (turn.foreign_signatures) return false;
    host_.log(
        GH_WARN, &x,
        "gemini refuses the thought signatures of this conversation: asking again without them");
    turn.foreign_signatures = true;
  } else if (!mend_tools(x, turn, failure)) {
    return false;
  }
  ++turn.mends;
  return true;
}

/// Simplifies the tools that Gemini names, or leaves out those that are simple already. Where it
/// names none it may be any.
bool Gemini::mend_tools(const Exchange& x, Turn& turn, const GeminiFailure& failure) const {
  turn.tools.resize(turn.chat["tools"].size(), ToolForm::whole);
  bool mended = false;
  std::size_t i = 0, declared = 0;
  for (const Json tool : turn.chat["tools"]) {
    ToolForm& form = turn.tools[i++];
    if (form == ToolForm::left_out) continue;
    const bool named = failure.tools.count(declared++) > 0;
    const bool simplify = form == ToolForm::whole && (named || failure.tools.empty());
    if (!named && !simplify) continue;
    form = simplify ? ToolForm::bare : ToolForm::left_out;
    mended = true;
    if (!named) continue;
    Document fields;
    fields.root().edit("tool").set(tool["name"]);
    fields.root().edit("detail").set(View(failure.detail));
    host_.log(GH_WARN, &x,
              std::string("gemini refuses a tool: asking again ") +
                  (simplify ? "with a simpler schema" : "without it"),
              fields.root());
  }
  return mended;
}

/// Logs a failure of Gemini and shows it in the health. Each attempt is logged here, as a retry
/// hides it from the caller.
void Gemini::explain(const Exchange& x, const GeminiFailure& failure) {
  constexpr View kOldKey = "AIza";
  std::string cure = failure.cure;
  if (failure.code == "upstream_key_refused" && api_key_.substr(0, kOldKey.size()) == kOldKey) {
    cure += "; keys of the old kind (AIza…) are refused since 2026: make a new key in AI Studio";
  }
  Document fields;
  fields.root().edit("code").set(failure.code);
  fields.root().edit("detail").set(failure.detail);
  const bool for_operator = failure.health == GH_DOWN || (failure.health == GH_UP && !cure.empty());
  host_.log(for_operator ? GH_ERROR : GH_WARN, &x,
            cure.empty() ? "no answer from gemini" : "no answer from gemini: " + cure,
            fields.root());
  if (failure.health != GH_UP) report(failure.health, cure);
}

/// How Gemini says that the answer ended, in its own words.
void Gemini::log_end(const Exchange& x, const GeminiResponse& answer) const {
  if (!answer.about().is_object()) return;
  Document fields;
  fields.root().set(answer.about());
  fields.root().edit("usage").set(Json(answer.usage().counts(Json()).root()));
  host_.log(GH_DEBUG, &x, "gemini has answered", fields.root());
  const View reason = answer.about()["reason"].str();
  if (!reason.empty() && !is_known_reason(reason))
    host_.log(GH_WARN, &x, "gemini ended an answer with finishReason " + std::string(reason));
}

/// In the background: asks Gemini how it is whenever no chat has done so for a while.
void Gemini::watch(Exchange& x) {
  while (host_.sleep(x, probe_interval_)) {
    if (host_.now().count() - heard_at_ns_ > probe_interval_.count()) probe(x);
  }
}

/// Lists one model, which costs nothing and shows whether the key is accepted.
void Gemini::probe(Exchange& x) {
  auto answer = http_.send(x, "GET", "/models?pageSize=1", {{"X-Goog-Api-Key", api_key_}}, {});
  GeminiFailure failure;
  if (!answer) {
    if (answer.error().code() != GH_FAILED) return;
    failure = failure_of_host(x);
  } else if (answer->status() == 200) {
    (void)read_body(*answer);  // to its end, so that the connection can be used again
    return report(GH_UP, news_.summary());
  } else {
    failure = read_failure(*answer, host_.wall());
  }
  if (failure.health == GH_UP) {  // neither a chat nor a model is at fault here
    failure.health = GH_DEGRADED;
    const bool refuses =
        failure.code == "upstream_refused" || failure.code == "upstream_model_unknown";
    failure.cure =
        refuses ? "Gemini refuses to list its models; base_url may be wrong" : failure.message;
  }
  failure.detail = fit_for_log(std::move(failure.detail), api_key_);
  explain(x, failure);
}

void Gemini::report(int health, const std::string& reason) {
  const bool plain = health == GH_UP && reason.empty();
  if (plain && plain_.load(std::memory_order_relaxed)) return;  // as a rule: no lock, no write
  const std::lock_guard lock(health_mutex_);
  plain_ = plain;
  if (health_ == std::pair(health, reason)) return;
  health_ = {health, reason};
  host_.health(health, reason);
}

}  // namespace gatehouse::plugins::gemini

GATEHOUSE_PLUGIN(gatehouse::plugins::gemini::Gemini, "gemini", "1.0.0",
                 "Answers chats with Google's Gemini API", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER)
