#include "gemini.h"

#include <algorithm>

#include "request.h"
#include "retry_after.h"
#include "schema.h"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

constexpr View kEventStream = "text/event-stream";
constexpr View kBaseUrl = "https://generativelanguage.googleapis.com/v1beta";
constexpr std::size_t kMaxErrorBytes = 64 * 1024;  // an error of the Gemini API has a few KiB; of more, the status says enough
constexpr std::size_t kMaxDetailBytes = 500;       // the rest of a long message repeats what the request was

/// It becomes part of a path, which it must not change.
bool is_model_name(View text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

std::string read_body(HttpAnswer& answer) {
  std::string body;
  while (body.size() < kMaxErrorBytes) {
    auto piece = answer.read();
    if (!piece || !*piece) break;  // half an error is as good as none: its status says enough
    body.append(**piece);
  }
  return body;
}

/// Why the answer has another status than 200. `wall` is the time of day.
Fail read_failure(HttpAnswer& answer, std::chrono::nanoseconds wall) {
  auto document = Document::parse(read_body(answer));  // a proxy's HTML page is none
  const Json root = document ? Json(document->root()) : Json();
  const Json error = (root.is_array() ? root.at(0) : root)["error"];
  Fail fail = failure_of(answer.status(), error);
  fail.retry_after = retry_after(answer.header("retry-after-ms"), answer.header("Retry-After"), error, wall);
  return fail;
}

/// What an upstream says may repeat the key, and go on for pages.
std::string fit_for_log(std::string text, View key) {
  constexpr View kInstead = "[key]";
  for (auto at = text.find(key); at != text.npos; at = text.find(key, at + kInstead.size())) text.replace(at, key.size(), kInstead);
  if (text.size() <= kMaxDetailBytes) return text;
  std::size_t end = kMaxDetailBytes;
  while ((text[end] & 0xC0) == 0x80) --end;  // not inside a character of UTF-8
  return text.substr(0, end);
}

/// The failure of a status that is GH_FAILED, be it ours or one that was left in the exchange.
Fail failure_behind(const Status& status, const Exchange& x, View key) {
  Fail fail;
  if (const Fail* ours = status.fail()) {
    fail = *ours;
  } else if (const gh_failure* left = x.failure()) {
    fail = {left->http_status, std::string(view(left->code)), std::string(view(left->message)), std::string(view(left->detail))};
  }
  fail.detail = fit_for_log(std::move(fail.detail), key);
  return fail;
}

}  // namespace

Gemini::Gemini(Host host, Json config)
    : host_(host),
      api_key_(config["api_key"].str()),
      probe_interval_(config["probe_interval"].duration(60s)),
      models_(host, config["models_file"].str()),
      settings_(host, config, models_),
      http_(host,
            {std::string(config["base_url"].str(kBaseUrl)), config["connect_timeout"].duration(5s),
             config["first_byte_timeout"].duration(60s), config["idle_timeout"].duration(60s)},
            "/base_url") {
  if (probe_interval_ < 1s) host.problem("/probe_interval", "must be at least 1s; false turns the probe off");
  if (config["probe_interval"].boolean(true)) host.background<&Gemini::watch>(this);
  host.info("answers come from gemini at " + std::string(config["base_url"].str(kBaseUrl)));
}

Status Gemini::handle(Exchange& x, Sink& out, Next&) {
  const View model = x.chat()["model"].str();
  if (!is_model_name(model)) return Fail{400, "invalid_model", "`model` must consist of letters, digits, '.', '_' and '-'.", {}};
  x.notes().edit("model").set(model);

  Call call{model, host_.now()};
  GeminiAnswer step(out);
  Status status = ask(x, step, call);
  if (status) {
    heard_at_ns_ = host_.now().count();
    report(GH_UP, {});
  } else if (status.code() == GH_FAILED) {
    Fail fail = failure_behind(status, x, api_key_);
    call.error = fail.code;
    if (fail.code.rfind("upstream_", 0) == 0) {  // else it is of a plugin that watches the answer
      heard_at_ns_ = host_.now().count();
      explain(x, fail);
      status = std::move(fail);
    }
  } else {
    call.error = "cancelled";
  }
  call.input_tokens = step.input_tokens();
  call.output_tokens = step.output_tokens();
  count(host_, call);
  return status;
}

Status Gemini::ask(Exchange& x, GeminiAnswer& step, Call& call) {
  const std::string path = "/models/" + std::string(call.model) + ":streamGenerateContent?alt=sse";
  ToolNames names(x.chat()["tools"]);
  // The body is a temporary: it may be large, and an answer takes minutes.
  auto answer = http_.send(x, "POST", path, {{"Content-Type", "application/json"}, {"X-Goog-Api-Key", api_key_}},
                           request_body(x.chat(), {models_.find(call.model), settings_.of(call.model), names, {}}));
  if (!answer) return answer.error();
  call.http_status = answer->status();
  if (call.http_status != 200) return read_failure(*answer, host_.wall());
  if (answer->header("Content-Type").substr(0, kEventStream.size()) != kEventStream) return malformed("it is no event stream");

  for (;;) {
    auto event = answer->next_event();
    if (!event) return event.error();
    if (call.first_chunk.count() == 0) {  // not before: until then another attempt may be made
      call.first_chunk = host_.now();
      if (Status s = step.start(); !s) return s;
    }
    if (!*event) return step.finish();
    if (Status s = step.read(view((*event)->data)); !s) return s;
  }
}

/// Logs a failure of Gemini and shows it in the health. Each attempt is logged here, as a retry hides it from the caller.
void Gemini::explain(const Exchange& x, const Fail& fail) {
  Document fields;
  fields.root().edit("code").set(fail.code);
  fields.root().edit("detail").set(fail.detail);
  if (fail.code == "upstream_key_refused") {
    host_.log(GH_ERROR, &x, "gemini refuses the API key: correct api_key", fields.root());
    return report(GH_DOWN, "the API key is refused");
  }
  host_.log(GH_WARN, &x, "no answer from gemini", fields.root());
  if (fail.code != "upstream_refused") report(GH_DEGRADED, fail.message);  // a request that Gemini refuses says nothing about Gemini
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
  Status status = !answer ? answer.error() : answer->status() == 200 ? Status() : Status(read_failure(*answer, host_.wall()));
  if (status) {
    (void)read_body(*answer);  // to its end, so that the connection can be used again
    return report(GH_UP, {});
  }
  if (status.code() != GH_FAILED) return;
  Fail fail = failure_behind(status, x, api_key_);
  if (fail.code == "upstream_refused" || fail.code == "upstream_model_unknown") {  // neither a chat nor a model is at fault here
    fail.code = "upstream_error";
    fail.message = "Gemini refuses to list its models; base_url may be wrong.";
  }
  explain(x, fail);
}

void Gemini::report(int health, View reason) {
  if (health_.load(std::memory_order_relaxed) == health) return;  // as a rule: no lock, no write
  const std::lock_guard lock(health_mutex_);
  if (health_.exchange(health) != health) host_.health(health, reason);
}

}  // namespace gatehouse

GATEHOUSE_PLUGIN(gatehouse::Gemini, "gemini", "1.0.0", "Answers chats with Google's Gemini API", GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
