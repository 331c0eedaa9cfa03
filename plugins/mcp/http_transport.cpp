/// request() posts a message and reads its response; keep() opens the session and then listens to
/// the messages that the server initiates. A session that the server has lost fails a call with
/// kSessionExpired, and Server opens another one. What both change, above all the session, the path
/// after a redirect, the token and the cookies, is guarded by mutex_ and copied out before each
/// HTTP request.
#include "http_transport.h"

#include <algorithm>
#include <fstream>
#include <future>
#include <utility>

#include "parse_message.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;

constexpr auto kUntilWoken = 1h;  // any length: after it the state is checked
// Silence after which the stream of the server's messages is opened anew: the connection or the
// session may be dead.
constexpr auto kLongestSilence = 60s;
// Before a broken stream is opened again.
constexpr std::chrono::nanoseconds kFirstPause = 1s, kLongestPause = 30s;
constexpr auto kFirstHead = 1s;  // some servers respond to a GET only with their first message
constexpr auto kDeleteTimeout = 1s;
constexpr int kMaxRedirects = 3;
constexpr std::size_t kMaxCookies = 20, kMaxCookie = 4096;  // RFC 6265 6.1 asks for that length
constexpr std::size_t kMaxToken = 16 * 1024;
constexpr std::size_t kErrorBytes = 200;  // of an error response, for the operator

/// The length of a URL's origin, which its path follows.
std::size_t end_of_origin(View url) {
  const auto host = url.find("://");
  return host == View::npos ? url.size() : std::min(url.find_first_of("/?", host + 3), url.size());
}
std::string origin_of(View url) { return std::string(url.substr(0, end_of_origin(url))); }
bool is_visible(View text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}
std::string path_of(View url) {
  const View path = url.substr(end_of_origin(url));
  return path.substr(0, 1) == "/" ? std::string(path) : "/" + std::string(path);
}

std::vector<std::pair<std::string, std::string>> pairs(Json object) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : object.members()) out.emplace_back(name, value.str());
  return out;
}

bool is_stream(const HttpResponse& response) {
  constexpr View kEventStream = "text/event-stream";
  return equals_ignoring_case(response.header("Content-Type").substr(0, kEventStream.size()),
                              kEventStream);
}

/// Events of other names are not for MCP.
bool is_message(const gh_sse_event& event) {
  return view(event.event).empty() || view(event.event) == "message";
}

Fail broken(std::string detail) {
  return unavailable("The connection to the tool server broke off.", std::move(detail));
}

/// The host's failure of a request, without the address, which is for the operator only.
Status failure_of(const Status& status, const Exchange& x) {
  if (status.code() != GH_FAILED) return Status(status.code());
  const Failure failure = x.failure();
  const View code = failure.code();
  const bool was_sent = !failure.has(GH_FAIL_TRANSIENT);
  if (code == "upstream_timeout" && was_sent) return Status(GH_CANCELLED);
  std::string detail(failure.detail());
  if (code == "upstream_broken") return broken(std::move(detail));
  if (code == "upstream_too_large")
    return unavailable("The response of the tool server is too long.", std::move(detail));
  return Fail{502, std::string(kUnreachable), "The tool server cannot be reached.",
              std::move(detail)};
}

Result<std::string> read_body(Exchange& x, HttpResponse& response) {
  std::string body;
  for (;;) {
    auto piece = response.read();
    if (!piece) return failure_of(piece.error(), x);
    if (!*piece) return body;
    if (body.size() + (*piece)->size() > kMaxMessage) return unreadable({}, kMaxMessage + 1);
    body.append(**piece);
  }
}

/// The body is for the operator only: it may quote the arguments.
Fail rejected(const HttpResponse& response, View body, View code = "mcp_unavailable") {
  std::string detail;
  for (const View name : {"Location", "WWW-Authenticate"}) {
    if (const View value = response.header(name); !value.empty())
      detail.append(name).append(": ").append(value).append("; ");
  }
  detail.append(cut_utf8(body, kErrorBytes));
  const bool is_unknown = response.status() == 401 || response.status() == 403;
  return {502, std::string(is_unknown ? kUnauthorized : code),
          "The tool server rejects the request: HTTP " + std::to_string(response.status()) + ".",
          std::move(detail)};
}

/// 2025-11-25, Session Management: 404 means that the session is over. Many servers return 400,
/// also for a missing session; a 400 whose error has another reason is not about the session.
bool has_lost_session(int status, bool has_session, Json error) {
  constexpr std::int64_t kOtherReasons[] = {-32700, -32601, -32602, -32020, -32021, -32022};
  if (status == 404) return has_session;
  return status == 400 && std::find(std::begin(kOtherReasons), std::end(kOtherReasons),
                                    error["code"].integer()) == std::end(kOtherReasons);
}

}  // namespace

HttpTransport::HttpTransport(Host host, Json config, const std::string& pointer, Respond respond)
    : host_(host),
      origin_(origin_of(config["url"].str())),
      configured_path_(path_of(config["url"].str())),
      token_file_(config["token_file"].str()),
      configured_(pairs(config["headers"])),
      http_(host,
            {origin_, connect_timeout_of(config), config["call_timeout"].duration(),
             config["call_timeout"].duration()},
            pointer + "/url"),
      listening_(host, {origin_, connect_timeout_of(config), kLongestSilence, kLongestSilence},
                 pointer + "/url"),
      respond_(std::move(respond)),
      changed_(host),
      path_(configured_path_) {
  if (!changed_) host.problem(pointer, "the gateway has no file descriptor left for it");
  constexpr View kOurs[] = {
      "host",       "content-length", "transfer-encoding", "connection", "content-type",
      "keep-alive", "accept",         "mcp-session-id",    "te",         "mcp-protocol-version",
      "upgrade",    "last-event-id"};
  for (const auto& [name, value] : configured_) {
    if (std::find(std::begin(kOurs), std::end(kOurs), lower(name)) != std::end(kOurs))
      host.problem(std::string(pointer).append("/headers/").append(name),
                   "the gateway sets this header itself");
    if (!token_file_.empty() && lower(name) == "authorization")
      host.problem(pointer + "/token_file",
                   "`headers` already has Authorization: remove one of the two");
  }
}

HttpTransport::Session HttpTransport::session() const {
  const std::lock_guard lock(mutex_);
  return session_;
}

std::string HttpTransport::path() const {
  const std::lock_guard lock(mutex_);
  return path_;
}

std::optional<RpcRequest> HttpTransport::subscription() const {
  const std::lock_guard lock(mutex_);
  return subscription_;
}

bool HttpTransport::is_dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void HttpTransport::agree_on(View version, bool has_sessions) {
  const std::lock_guard lock(mutex_);
  session_.version = version;
  session_.stateless = !has_sessions;
  if (!has_sessions) session_.id.clear();
  subscription_.reset();
}

Status HttpTransport::subscribe(Exchange&, const RpcRequest& request) {
  const std::lock_guard lock(mutex_);
  subscription_ = request;
  return Status();
}

void HttpTransport::drop() {
  {
    const std::lock_guard lock(mutex_);
    dropped_ = true;
  }
  changed_.wake();
}

// ---- HTTP requests -----------------------------------------------------------------------------

/// True: it has changed.
Result<bool> HttpTransport::read_token() {
  if (token_file_.empty()) return false;
  std::ifstream file(token_file_);
  std::string token;
  file >> token;  // without white space
  if (token.empty() || token.size() > kMaxToken || !is_visible(token))
    return unavailable("Its token_file cannot be read.", token_file_);
  const std::lock_guard lock(mutex_);
  return std::exchange(token_, token) != token;
}

/// Load balancers find the server of a session by a cookie. Cookies are sent to this origin alone,
/// so their attributes do not matter.
void HttpTransport::keep_cookies(const HttpResponse& response) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; const auto header = response.header_at(i); ++i) {
    const auto& [name, line] = *header;
    const View cookie = line.substr(0, line.find(';'));
    const auto equals = cookie.find('=');
    if (!equals_ignoring_case(name, "Set-Cookie") || equals == View::npos || equals == 0 ||
        cookie.size() > kMaxCookie)
      continue;
    std::string key(cookie.substr(0, equals));
    if (cookies_.size() < kMaxCookies || cookies_.count(key))
      cookies_[std::move(key)] = cookie.substr(equals + 1);
  }
}

/// The headers that authenticate the gateway.
HttpTransport::Texts HttpTransport::credentials() const {
  Texts out = configured_;
  const std::lock_guard lock(mutex_);
  if (!token_.empty()) out.emplace_back("Authorization", "Bearer " + token_);
  std::string cookies;
  for (const auto& [name, value] : cookies_)
    cookies.append(cookies.empty() ? "" : "; ").append(name).append("=").append(value);
  if (!cookies.empty()) out.emplace_back("Cookie", std::move(cookies));
  return out;
}

/// A redirect to another path of the same origin, which is used from now on. Another origin would
/// get the operator's credentials.
bool HttpTransport::follow(const HttpResponse& response, const std::string& from) {
  if (response.status() != 307 && response.status() != 308) return false;
  View to = response.header("Location");
  to = to.substr(0, to.find('#'));
  if (equals_ignoring_case(origin_of(to), origin_)) to.remove_prefix(origin_.size());
  const bool is_path = to.substr(0, 1) == "/" && to.substr(0, 2) != "//";
  if (!is_path || to == from || !is_visible(to)) return false;
  const std::lock_guard lock(mutex_);
  path_ = to;
  return true;
}

/// Sends a request, once more after a broken connection, a redirect, or a new token.
Result<HttpResponse> HttpTransport::exchange(Exchange& x, const Http& http, const Sent& sent) {
  bool may_repeat = sent.repeatable, may_renew = true;
  for (int redirects = 0;;) {
    const std::string path = this->path();
    const Texts texts = headers_of(sent);
    const std::vector<std::pair<View, View>> headers(texts.begin(), texts.end());
    auto response = http.send(x, sent.method, path, headers, sent.body, sent.silence, sent.silence);
    if (!response) {
      Status failed = failure_of(response.error(), x);
      // Usually the server had closed an idle connection.
      const bool broke = failed.failure().code() == "mcp_unavailable";
      if (!broke || !std::exchange(may_repeat, false)) return failed;
      continue;
    }
    keep_cookies(*response);
    if (redirects < kMaxRedirects && follow(*response, path)) {
      ++redirects;
      continue;
    }
    if (response->status() == 401 && std::exchange(may_renew, false)) {
      if (auto changed = read_token(); changed && *changed) continue;
    }
    return response;
  }
}

HttpTransport::Texts HttpTransport::headers_of(const Sent& sent) const {
  Texts out = credentials();
  out.insert(out.end(), sent.headers.begin(), sent.headers.end());
  if (!sent.session.id.empty()) out.emplace_back("Mcp-Session-Id", sent.session.id);
  if (!sent.session.version.empty()) out.emplace_back("Mcp-Protocol-Version", sent.session.version);
  return out;
}

Result<HttpResponse> HttpTransport::post(Exchange& x, const Http& http, const Session& session,
                                         const RpcRequest& request) {
  Texts headers = request.headers;
  headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("Accept", "application/json, text/event-stream");
  return exchange(
      x, http,
      {"POST", request.message, session, std::move(headers), request.repeatable, request.silence});
}

Result<HttpResponse> HttpTransport::get(Exchange& x, const Http& http, const Session& session,
                                        const std::string& last_id,
                                        std::chrono::nanoseconds silence) {
  Texts headers{{"Accept", "text/event-stream"}};
  if (!last_id.empty()) headers.emplace_back("Last-Event-Id", last_id);
  return exchange(x, http, {"GET", {}, session, std::move(headers), true, silence});
}

// ---- Messages ----------------------------------------------------------------------------------

/// Without sessions there is nothing to send: the server sends no requests, and a request is
/// cancelled by closing its connection.
Status HttpTransport::send(Exchange& x, View message) {
  const Session session = this->session();
  if (session.stateless) return Status();
  auto response = post(x, http_, session, {0, std::string(message)});
  if (!response) return response.error();
  if (response->status() / 100 == 2) return Status();
  auto body = read_body(x, *response);
  return rejected(*response, body ? View(*body) : View());
}

Result<Response> HttpTransport::request(Exchange& x, const RpcRequest& request) {
  const Session session = request.begins ? Session() : this->session();
  auto response = post(x, http_, session, request);
  if (!response) return response.error();
  if (response->status() == 200 && request.begins) {
    const std::lock_guard lock(mutex_);
    session_.id = response->header("Mcp-Session-Id");
  }
  if (response->status() == 200 && is_stream(*response))
    return read_streams(x, std::move(*response), session, request);
  return read_message(x, *response, session, request);
}

Result<Response> HttpTransport::read_message(Exchange& x, HttpResponse& http,
                                             const Session& session, const RpcRequest& request) {
  auto body = read_body(x, http);
  if (!body) return body.error();
  const int status = http.status();
  if (status == 401 || status == 403) return rejected(http, *body);
  const std::size_t bytes = body->size();
  auto document = parse_message(*body);
  const Json error = document ? document->root()["error"] : Json();
  if (!request.begins && !request.is_second && has_lost_session(status, !session.id.empty(), error))
    return rejected(http, *body, kSessionExpired);
  if (error.is_object()) return Response{std::move(*document), bytes};
  std::optional<Response> response;
  if (document) {
    each_message(std::move(*document), [&](Document message) {
      if (auto taken = take(x, std::move(message), bytes, request.id)) response = std::move(taken);
    });
  }
  if (response) return std::move(*response);
  if (status != 200) return rejected(http, *body);
  return document ? unavailable("The response of the tool server is not an MCP message.")
                  : unreadable(*body, bytes);
}

/// Nothing: it is not the response to the request `id`. Requests of the server get a response.
std::optional<Response> HttpTransport::take(Exchange& x, Document message, std::size_t bytes,
                                            std::int64_t id) {
  const Json root = message.root();
  if (!root["method"] && id_of(root) == id) return Response{std::move(message), bytes};
  if (const std::string reply = respond_(root); !reply.empty()) (void)send(x, reply);
  return std::nullopt;
}

/// A stream that ends or breaks before the response is resumed if its events have ids.
Result<Response> HttpTransport::read_streams(Exchange& x, HttpResponse stream,
                                             const Session& session, const RpcRequest& request) {
  std::string last_id;
  auto pause = kFirstPause;
  for (;;) {
    auto response = read_events(x, stream, request.id);
    if (response && *response) return std::move(**response);
    if (!stream.last_id().empty()) last_id = stream.last_id();
    if (stream.retry().count() >= 0) pause = stream.retry();
    Status ended = response ? Status(unavailable("The tool server ended before it responded."))
                            : response.error();
    const bool can_resume =
        !last_id.empty() && ended.failure() && ended.failure().code() != kUnreadable;
    if (!can_resume) return ended;
    for (;;) {
      if (Status slept = host_.sleep(x, pause); !slept) return slept;
      auto again = get(x, http_, session, last_id, request.silence);
      if (!again) continue;
      if (again->status() != 200 || !is_stream(*again)) return ended;
      stream = std::move(*again);
      break;
    }
  }
}

/// Until the response to this request arrives. Nothing: the stream has ended without it.
Result<std::optional<Response>> HttpTransport::read_events(Exchange& x, HttpResponse& stream,
                                                           std::int64_t id) {
  for (;;) {
    auto event = stream.next_event();
    if (!event) return failure_of(event.error(), x);
    if (!*event) return std::optional<Response>();
    const View data = view((*event)->data);
    if (data.empty() || !is_message(**event)) continue;  // an id sent early
    auto document =
        data.size() > kMaxMessage ? Result<Document>(Status(GH_FAILED)) : parse_message(data);
    if (!document) return unreadable(data, data.size());
    std::optional<Response> response;
    each_message(std::move(*document), [&](Document message) {
      if (auto taken = take(x, std::move(message), data.size(), id)) response = std::move(taken);
    });
    if (response) return response;
  }
}

// ---- The connection ----------------------------------------------------------------------------

Status HttpTransport::keep(Exchange& x, std::chrono::nanoseconds time, Opening& opening) {
  {
    const std::lock_guard lock(mutex_);
    dropped_ = false;
    path_ = configured_path_;
    cookies_.clear();
  }
  if (auto token = read_token(); !token) return token.error();
  Status begun;
  auto work = [&](Exchange& task) { begun = opening.begin(task); };
  Task task(host_, x, host_.now() + time, work);
  if (!task) return unavailable("There is no thread to connect it.");
  if (Status status = task.join(x); !status) return status;
  if (!begun) return Status();                   // and dropped
  if (session().stateless && !subscription()) {  // it initiates no messages
    opening.done();
    return wait_for_drop(x);
  }
  return listen(x, opening);
}

/// Reads the messages that the server initiates, until it is unreachable or has lost the session.
Status HttpTransport::listen(Exchange& x, const Opening& opening) {
  Session now;
  std::string last_id;    // in that session
  bool was_open = false;  // a stream of that session
  bool first = true;
  for (auto pause = kFirstPause;; pause = std::min(pause * 3 / 2, kLongestPause)) {
    if (is_dropped()) return Status();
    const auto began = host_.now();
    if (const Session before = std::exchange(now, session()); before.id != now.id) {
      last_id.clear();
      was_open = false;
    }
    auto stream = open_stream(x, now, last_id, first ? kFirstHead : 0s);
    if (first) opening.done();
    const bool missed = !std::exchange(first, false) && last_id.empty();
    const int status = stream ? stream->status() : 0;
    if (status == 404 && session().id != now.id) continue;  // a call has opened another one
    if ((status == 404 || status == 400) && was_open)
      return Fail{502, std::string(kSessionExpired), "It has lost the session.", {}};
    if (status == 404 || status == 405 || (status == 200 && !is_stream(*stream)))
      break;  // it offers no such stream
    Status ended = stream ? Status() : stream.error();
    if (status == 200) {
      was_open = true;
      // Messages that were missed are repeated only after an id.
      if (missed) assume_changes();
      ended = read_notifications(x, *stream);
      if (!stream->last_id().empty()) last_id = stream->last_id();
      if (stream->retry().count() >= 0) pause = stream->retry();
    }
    if (Status gone = x.cancelled(); !gone) return gone;
    if (ended.failure().code() == kUnreachable) return ended;
    if (host_.now() - began > kLongestPause) pause = std::min(pause, kFirstPause);
    if (Status slept = host_.sleep(x, pause); !slept) return slept;
  }
  return wait_for_drop(x);
}

void HttpTransport::assume_changes() const {
  const Document message;
  message.root().edit("method").set("notifications/tools/list_changed");
  (void)respond_(message.root());
}

/// Before 2026-07-28 for all messages, since then for those of the subscription.
Result<HttpResponse> HttpTransport::open_stream(Exchange& x, const Session& session,
                                                const std::string& last_id,
                                                std::chrono::nanoseconds silence) {
  if (!session.stateless) return get(x, listening_, session, last_id, silence);
  RpcRequest request = subscription().value_or(RpcRequest());
  request.silence = silence;
  return post(x, listening_, session, request);
}

/// Until the stream ends.
Status HttpTransport::read_notifications(Exchange& x, HttpResponse& stream) {
  for (;;) {
    auto event = stream.next_event();
    if (!event) return failure_of(event.error(), x);
    if (!*event) return Status();
    if (!is_message(**event)) continue;
    auto document = parse_message(view((*event)->data));
    if (!document) continue;
    each_message(std::move(*document), [&](const Document& message) {
      if (const std::string reply = respond_(message.root()); !reply.empty()) (void)send(x, reply);
    });
  }
}

Status HttpTransport::wait_for_drop(Exchange& x) const {
  for (;;) {
    if (is_dropped()) return Status();
    if (auto woken = changed_.wait(x, kUntilWoken); !woken) return woken.error();
  }
}

/// Ends the session at the server. `x` has usually ended.
void HttpTransport::close(Exchange& x) {
  Session last;
  {
    const std::lock_guard lock(mutex_);
    std::swap(last, session_);
  }
  if (last.id.empty()) return;
  std::promise<void> sent;
  auto work = [&](Exchange& task) {
    (void)exchange(task, http_, {"DELETE", {}, last, {}, true, {}});
    sent.set_value();
  };
  Task task(host_, x, host_.now() + kDeleteTimeout, work);
  if (!task) return;
  (void)sent.get_future().wait_for(kDeleteTimeout);  // join() would end it at once
  (void)task.join(x);
}

}  // namespace gatehouse::plugins::mcp
