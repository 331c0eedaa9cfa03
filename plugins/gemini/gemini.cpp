#include "gemini.h"

#include <algorithm>

#include "answer.h"
#include "request.h"
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

/// Why the answer has another status than 200.
Fail read_failure(HttpAnswer& answer) {
  std::string body;
  while (body.size() < kMaxErrorBytes) {
    auto piece = answer.read();
    if (!piece || !*piece) break;  // half an error is as good as none: its status says enough
    body.append(**piece);
  }
  auto document = Document::parse(body);
  if (!document) return failure_of(answer.status(), Json());  // a proxy's HTML page
  const Json root = document->root();
  return failure_of(answer.status(), (root.is_array() ? root.at(0) : root)["error"]);
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

}  // namespace

Gemini::Gemini(Host host, Json config)
    : host_(host),
      api_key_(config["api_key"].str()),
      http_(host,
            {std::string(config["base_url"].str(kBaseUrl)), config["connect_timeout"].duration(5s),
             config["first_byte_timeout"].duration(60s), config["idle_timeout"].duration(60s)},
            "/base_url") {
  host.info("answers come from gemini at " + std::string(config["base_url"].str(kBaseUrl)));
}

Status Gemini::handle(Exchange& x, Sink& out, Next&) {
  const View model = x.chat()["model"].str();
  if (!is_model_name(model)) return Fail{400, "invalid_model", "`model` must consist of letters, digits, '.', '_' and '-'.", {}};
  x.notes().edit("model").set(model);
  Status status = ask(x, out, model);
  if (status) report(GH_UP, {});
  return status.code() == GH_FAILED ? explain(x, std::move(status)) : std::move(status);
}

Status Gemini::ask(Exchange& x, Sink& out, View model) {
  const std::string path = "/models/" + std::string(model) + ":streamGenerateContent?alt=sse";
  // The body is a temporary: it may be large, and an answer takes minutes.
  auto answer = http_.send(x, "POST", path, {{"Content-Type", "application/json"}, {"X-Goog-Api-Key", api_key_}}, request_body(x.chat()));
  if (!answer) return answer.error();
  if (answer->status() != 200) return read_failure(*answer);
  if (answer->header("Content-Type").substr(0, kEventStream.size()) != kEventStream) return malformed("it is no event stream");

  if (Status s = out.emit(event::step_start()); !s) return s;
  GeminiAnswer step(out);
  for (;;) {
    auto event = answer->next_event();
    if (!event) return event.error();
    if (!*event) return step.finish();
    if (Status s = step.read(view((*event)->data)); !s) return s;
  }
}

/// Logs a failure of Gemini and shows it in the health. Each attempt is logged here, as a retry hides it from the caller.
Status Gemini::explain(Exchange& x, Status status) {
  Fail fail;
  if (const Fail* own = status.fail()) {
    fail = *own;
  } else if (const gh_failure* host = x.failure()) {
    fail = {host->http_status, std::string(view(host->code)), std::string(view(host->message)), std::string(view(host->detail))};
  }
  if (fail.code.rfind("upstream_", 0) != 0) return status;  // of a plugin that watches the answer
  fail.detail = fit_for_log(std::move(fail.detail), api_key_);
  Document fields;
  fields.root().edit("code").set(fail.code);
  fields.root().edit("detail").set(fail.detail);
  host_.log(GH_WARN, &x, "no answer from gemini", fields.root());
  if (fail.code != "upstream_refused") report(GH_DEGRADED, fail.message);  // a request that Gemini refuses says nothing about Gemini
  return fail;
}

void Gemini::report(int health, View reason) {
  if (health_.load(std::memory_order_relaxed) == health) return;  // as a rule: no lock, no write
  const std::lock_guard lock(health_mutex_);
  if (health_.exchange(health) != health) host_.health(health, reason);
}

}  // namespace gatehouse

GATEHOUSE_PLUGIN(gatehouse::Gemini, "gemini", "1.0.0", "Answers chats with Google's Gemini API", GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
