#include "http_transport.h"

#include <future>
#include <utility>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

constexpr View kEventStream = "text/event-stream";
constexpr auto kUntilWoken = 1h;  // of any length
// Silence after which the stream of what the server says by itself is asked for anew: a connection may be dead, or its session.
constexpr auto kLongestSilence = 60s;
constexpr std::chrono::nanoseconds kFirstPause = 1s, kLongestPause = 30s;  // before a broken stream is asked for again
constexpr auto kLastWords = 1s;

/// Of a URL, what comes before its path, and the rest.
std::size_t end_of_origin(View url) {
  const auto host = url.find("://");
  return host == View::npos ? url.size() : std::min(url.find_first_of("/?", host + 3), url.size());
}
std::string origin_of(View url) { return std::string(url.substr(0, end_of_origin(url))); }
std::string path_of(View url) {
  const View path = url.substr(end_of_origin(url));
  return path.substr(0, 1) == "/" ? std::string(path) : "/" + std::string(path);
}

std::vector<std::pair<std::string, std::string>> pairs(Json object) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : object.members()) out.emplace_back(name, value.str());
  return out;
}

bool is_stream(const HttpAnswer& answer) { return answer.header("Content-Type").substr(0, kEventStream.size()) == kEventStream; }

/// What the host says about a request that failed. The address is for the operator only.
Status failure_of(const Status& status, const Exchange& x) {
  if (status.code() != GH_FAILED) return Status(status.code());
  const gh_failure& failure = *x.failure();
  const std::string detail(view(failure.detail));
  if (view(failure.code) == "upstream_timeout") return unavailable("The tool server did not answer in time.", detail);
  const bool away = view(failure.code) == "upstream_unreachable";
  return Fail{502, std::string(away ? kUnreachable : View("mcp_unavailable")), "The tool server cannot be reached.", detail};
}

Result<std::string> read_body(Exchange& x, HttpAnswer& answer) {
  std::string body;
  for (;;) {
    auto piece = answer.read();
    if (!piece) return failure_of(piece.error(), x);
    if (!*piece) return body;
    if (body.size() + (*piece)->size() > kMaxMessage) return unavailable("The tool server gave an answer that is too long.");
    body.append(**piece);
  }
}

bool answers(Json message, std::int64_t id) { return !message["method"] && message["id"].is_integer() && message["id"].integer() == id; }

Fail forgotten() { return {502, std::string(kSessionExpired), "The tool server has forgotten its session.", {}}; }
Fail malformed() { return unavailable("The tool server gave an answer that is no message."); }

}  // namespace

HttpTransport::HttpTransport(Host host, Json config, const std::string& pointer, Answer answer)
    : host_(host),
      connect_timeout_(config["connect_timeout"].duration(10s)),
      path_(path_of(config["url"].str())),
      configured_(pairs(config["headers"])),
      http_(host,
            {origin_of(config["url"].str()), connect_timeout_, config["call_timeout"].duration(60s), config["call_timeout"].duration(60s)},
            pointer + "/url"),
      listening_(host, {origin_of(config["url"].str()), connect_timeout_, kLongestSilence, kLongestSilence}, pointer + "/url"),
      answer_(std::move(answer)),
      changed_(host) {
  if (!changed_) host.problem(pointer, "no descriptor is left for it");
}

HttpTransport::Session HttpTransport::session() const {
  const std::lock_guard lock(mutex_);
  return session_;
}

bool HttpTransport::is_dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void HttpTransport::agree_on(View version) {
  const std::lock_guard lock(mutex_);
  session_.version = version;
}

void HttpTransport::drop() {
  {
    const std::lock_guard lock(mutex_);
    dropped_ = true;
  }
  changed_.wake();
}

/// Views of `session`.
HttpTransport::Headers HttpTransport::headers(const Session& session) const {
  Headers out(configured_.begin(), configured_.end());
  if (!session.id.empty()) out.emplace_back("Mcp-Session-Id", session.id);
  if (!session.version.empty()) out.emplace_back("Mcp-Protocol-Version", session.version);
  return out;
}

Result<HttpAnswer> HttpTransport::post(Exchange& x, const Session& session, View message) const {
  Headers all = headers(session);
  all.emplace_back("Content-Type", "application/json");
  all.emplace_back("Accept", "application/json, text/event-stream");
  auto answer = http_.send(x, "POST", path_, all, message);
  if (!answer) return failure_of(answer.error(), x);
  return answer;
}

Result<HttpAnswer> HttpTransport::get(Exchange& x, const Http& http, const Session& session, const std::string& last_id) const {
  Headers all = headers(session);
  all.emplace_back("Accept", kEventStream);
  if (!last_id.empty()) all.emplace_back("Last-Event-Id", last_id);
  return http.send(x, "GET", path_, all, {});
}

Status HttpTransport::send(Exchange& x, View message) {
  auto answer = post(x, session(), message);
  if (!answer) return answer.error();
  if (answer->status() / 100 == 2) return Status();
  return unavailable("The tool server refuses a message: HTTP " + std::to_string(answer->status()) + ".");
}

/// In no session: begins one.
Result<Response> HttpTransport::ask(Exchange& x, const Session& session, std::int64_t id, View message) {
  auto answer = post(x, session, message);
  if (!answer) return answer.error();
  const int status = answer->status();
  // 2025-11-25, Session Management: 404 means that the session is over; servers that miss one say 400.
  const bool beginning = session.version.empty();
  if (!beginning && status == (session.id.empty() ? 400 : 404)) return forgotten();
  if (status == 200 && beginning) {
    const std::lock_guard lock(mutex_);
    session_.id = answer->header("Mcp-Session-Id");
  }
  if (status == 200 && is_stream(*answer)) {
    std::string last_id;
    auto response = read_events(x, *answer, id, last_id);
    // A stream that broke may be gone on with, if its events had ids.
    while (!response && !last_id.empty() && host_.sleep(x, kFirstPause)) {
      auto again = get(x, http_, session, last_id);
      if (again && again->status() != 200) break;
      if (again) response = read_events(x, *again, id, last_id);
    }
    return response;
  }
  auto body = read_body(x, *answer);
  if (!body) return body.error();
  auto document = Document::parse(*body);
  if (document && (answers(document->root(), id) || document->root()["error"].is_object()))
    return Response{std::move(*document), body->size()};
  if (status == 200) return malformed();
  return unavailable("The tool server refuses the request: HTTP " + std::to_string(status) + ".");
}

/// Until the answer to this request comes; answers what the server asks meanwhile.
Result<Response> HttpTransport::read_events(Exchange& x, HttpAnswer& stream, std::int64_t id, std::string& last_id) {
  for (;;) {
    auto event = stream.next_event();
    if (!event) return failure_of(event.error(), x);
    if (!*event) return unavailable("The tool server ended before it answered.");
    last_id = view((*event)->id);
    const View data = view((*event)->data);
    if (data.empty()) continue;  // sent for its id only, before anything can break
    if (data.size() > kMaxMessage) return unavailable("The tool server gave an answer that is too long.");
    auto document = Document::parse(data);
    if (!document) return malformed();
    if (answers(document->root(), id)) return Response{std::move(*document), data.size()};
    if (const std::string answer = answer_(document->root()); !answer.empty()) (void)send(x, answer);
  }
}

Status HttpTransport::keep(Exchange& x, Open& open) {
  {
    const std::lock_guard lock(mutex_);
    dropped_ = false;
  }
  Task opening(host_, x, host_.now() + connect_timeout_, open);
  if (!opening) return unavailable("There is no thread to connect it.");
  if (Status status = opening.join(x); !status) return status;
  return is_dropped() ? Status() : listen(x);
}

/// To what the server says by itself, until it cannot be reached, or has forgotten the session.
Status HttpTransport::listen(Exchange& x) {
  Session now;
  std::string last_id;  // in that session
  bool heard = false;   // anything in that session
  for (auto pause = kFirstPause;; pause = std::min(pause * 3 / 2, kLongestPause)) {
    if (is_dropped()) return Status();
    const auto began = host_.now();
    if (const Session before = std::exchange(now, session()); before.id != now.id) {
      last_id.clear();
      heard = false;
    }
    auto stream = get(x, listening_, now, last_id);
    if (stream && stream->status() == 404 && session().id != now.id) continue;  // a call has begun another
    if (stream && stream->status() == 404 && heard) return forgotten();         // else it never had a stream
    if (stream && !(stream->status() == 200 && is_stream(*stream))) break;      // as a rule 405: it says nothing by itself
    heard = heard || stream;
    Status status = stream ? hear(x, *stream, last_id) : stream.error();
    if (!status) status = failure_of(status, x);
    if (!status && (!status.fail() || status.fail()->code == kUnreachable)) return status;
    if (host_.now() - began > kLongestPause) pause = kFirstPause;
    if (Status slept = host_.sleep(x, pause); !slept) return slept;
    // What it said meanwhile is repeated only to those who know what they heard last.
    if (!last_id.empty()) continue;
    const Document missed;
    missed.root().edit("method").set("notifications/tools/list_changed");
    (void)answer_(missed.root());
  }
  for (;;) {
    if (is_dropped()) return Status();
    if (auto woken = changed_.wait(x, kUntilWoken); !woken) return woken.error();
  }
}

/// Until the stream ends.
Status HttpTransport::hear(Exchange& x, HttpAnswer& stream, std::string& last_id) {
  for (;;) {
    auto event = stream.next_event();
    if (!event) return event.error();
    if (!*event) return Status();
    last_id = view((*event)->id);
    auto document = Document::parse(view((*event)->data));
    if (!document) continue;
    if (const std::string answer = answer_(document->root()); !answer.empty()) (void)send(x, answer);
  }
}

/// Tells the server that nobody will use the session any more, as a rule because `x` has ended.
void HttpTransport::close(Exchange& x) {
  Session last;
  {
    const std::lock_guard lock(mutex_);
    if (session_.id.empty()) return;
    std::swap(last, session_);
  }
  std::promise<void> told;
  auto work = [&](Exchange& task) {
    (void)http_.send(task, "DELETE", path_, headers(last), {});
    told.set_value();
  };
  Task task(host_, x, host_.now() + kLastWords, work);
  if (!task) return;
  (void)told.get_future().wait_for(kLastWords);  // join() would end it at once
  (void)task.join(x);
}

}  // namespace gatehouse
