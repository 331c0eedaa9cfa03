#include "console.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "metrics.h"
#include "page_files.h"
#include "schema.h"

// The mechanism: each request adds to the counts of the present ten seconds. One that has failed,
// and any while somebody looks, leaves a record of bounded size in a ring. Neither takes a lock
// that requests share. Everything else happens when the page asks: its files are constants of this
// object, the list of requests is a stream of server-sent events that looks into the ring four
// times a second.

namespace gatehouse::plugins::console {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kLook = 250ms;
// How long after a look requests are still recorded, so that the next one finds some.
constexpr auto kWatch = 1h;
// A stream keeps the pipeline in which it began. So it ends soon, and the browser begins the next
// one in the present pipeline.
constexpr auto kLongestStream = 20s;
constexpr View kPolicy =
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

milliseconds in_milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<milliseconds>(time);
}

History::Sample sample_of(const Exchange& x, std::chrono::nanoseconds took, const Outcome& outcome);
View type_of(View path);
std::uint64_t last_seen_by(const Exchange& x);

}  // namespace

Console::Console(Host host, Json config)
    : host_(host), status_(host), with_content_(config["content"].boolean()) {
  for (const PageFile& file : kPageFiles)
    admin_route<&Console::show_file>(host, this, "GET", file.path, "A file of the page");
  admin_route<&Console::show_file>(host, this, "GET", "/", "The page, for a browser");
  admin_route<&Console::show_requests>(host, this, "GET", "/requests.json",
                                       "The last requests, oldest first");
  admin_route<&Console::show_history>(host, this, "GET", "/history.json",
                                      "The last hour, in steps of ten seconds");
  admin_route<&Console::show_metrics>(host, this, "GET", "/metrics.json",
                                      "All samples of the metrics");
  admin_route<&Console::stream_requests>(host, this, "GET", "/live",
                                         "Requests as they end, as server-sent events");
  if (with_content_) around<&Console::chat>(host, GH_AROUND_CHATS, this);
}

Status Console::handle(Exchange& x, Sink& out, Next& next) {
  const auto began = host_.now();
  Status status = next(x, out);
  remember(x, host_.now() - began, outcome_of(host_, x, status), status.failure());
  return status;
}

void Console::refused(Exchange& x) {
  const Failure failure = x.failure();
  remember(x, 0ns, {"failed", failure.code(), failure.http_status()}, failure);
}

void Console::look() { memory_->watched_until_ns = (host_.now() + kWatch).count(); }

bool Console::is_watched() const {
  return host_.now().count() < memory_->watched_until_ns.load(std::memory_order_relaxed);
}

Status Console::chat(Exchange& x, Sink& out, Next& next) {
  if (!is_watched()) return next(x, out);
  Beginning response(out, Request::kMaxContent);
  Status status = next(x, response);
  responses_.put(x, std::move(response.text));
  return status;
}

void Console::remember(Exchange& x, std::chrono::nanoseconds took, const Outcome& outcome,
                       const Failure& failure) {
  const milliseconds now = in_milliseconds(host_.wall());
  const History::Sample sample = sample_of(x, took, outcome);
  memory_->history.add(now, sample);
  if (!sample.has_failed && !is_watched()) return;
  memory_->requests.add([&](Request& request) {
    request.set(x, outcome, failure, now - in_milliseconds(took), took);
    if (!sample.is_chat) return;
    request.set_times(x, status_);
    if (with_content_) request.set_content(last_question(x), responses_.take(x));
  });
}

Status Console::show_file(Exchange& x, Sink& out) {
  look();
  const View path = x.path().substr(x.path().rfind('/'));
  const View name = path == "/" ? View("/index.html") : path;
  const auto* const file = std::find_if(std::begin(kPageFiles), std::end(kPageFiles),
                                        [name](const PageFile& f) { return f.path == name; });
  x.set_header("Content-Security-Policy", kPolicy);
  x.set_header("X-Content-Type-Options", "nosniff");
  x.set_header("Referrer-Policy", "same-origin");
  x.set_header("Cache-Control", "no-store");  // another version may follow any time
  return x.reply(out, 200, type_of(name), file->content);
}

Status Console::show_requests(Exchange& x, Sink& out) {
  look();
  std::string all = "[";
  memory_->requests.after(0, [&all](const Request& request) { request.write(all); });
  x.set_header("Cache-Control", "no-store");
  return x.reply(out, 200, "application/json", all + "]");
}

Status Console::show_history(Exchange& x, Sink& out) {
  look();
  std::string all;
  memory_->history.write(in_milliseconds(host_.wall()), all);
  x.set_header("Cache-Control", "no-store");
  return x.reply(out, 200, "application/json", all);
}

Status Console::show_metrics(Exchange& x, Sink& out) {
  std::string all;
  write_metrics(status_.metrics(), all);
  x.set_header("Cache-Control", "no-store");
  return x.reply(out, 200, "application/json", all);
}

Status Console::stream_requests(Exchange& x, Sink& out) {
  look();
  x.set_header("Content-Type", "text/event-stream");
  x.set_header("Cache-Control", "no-store");
  std::string text = "retry: 250\n\n";
  std::uint64_t seen = last_seen_by(x);
  for (const auto end = host_.now() + kLongestStream; host_.now() < end;) {
    seen = memory_->requests.after(seen, [&text](const Request& request) {
      text.append("id: ").append(std::to_string(request.number)).append("\ndata: ");
      request.write(text);
      text += "\n\n";
    });
    if (!text.empty()) {
      if (Status sent = out.emit(event::bytes(text, false)); !sent) return sent;
    }
    text.clear();
    if (Status slept = host_.sleep(x, kLook); !slept) return slept;
  }
  return out.emit(event::bytes({}, true));
}

namespace {

History::Sample sample_of(const Exchange& x, std::chrono::nanoseconds took,
                          const Outcome& outcome) {
  History::Sample sample;
  sample.has_failed = outcome.word == "failed" || outcome.word == "cut";
  sample.is_chat = static_cast<bool>(x.chat());
  if (!sample.is_chat) return sample;
  const Json notes = x.notes();
  sample.took_ms = std::chrono::duration<double, std::milli>(took).count();
  sample.first_token_ms = notes["ttft_ms"].real();
  sample.input_tokens = notes["input_tokens"].integer();
  sample.output_tokens = notes["output_tokens"].integer();
  sample.usd = notes["cost_usd"].real();
  return sample;
}

View type_of(View path) {
  const View suffix = path.substr(path.rfind('.'));
  if (suffix == ".html") return "text/html; charset=utf-8";
  if (suffix == ".css") return "text/css; charset=utf-8";
  return "text/javascript; charset=utf-8";
}

/// The number of the last request that the client has: a browser that connects again sends it in a
/// header (HTML 9.2.6), and the page at first in the query.
std::uint64_t last_seen_by(const Exchange& x) {
  constexpr View kAfter = "after=";
  View number = x.header("Last-Event-ID");
  if (number.empty() && x.query().substr(0, kAfter.size()) == kAfter)
    number = x.query().substr(kAfter.size());
  return std::strtoull(std::string(number).c_str(), nullptr, 10);
}

}  // namespace
}  // namespace gatehouse::plugins::console

GATEHOUSE_PLUGIN(gatehouse::plugins::console::Console, "console", "1.0.0",
                 "Shows the gateway on a web page of the admin address", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_UNLOADS)
