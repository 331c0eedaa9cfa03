/// A host in the same process, for unit tests of plugins: nothing is loaded, nothing goes out, time stands still.
///
///   Harness h;
///   Throttler throttler(h.host(), h.config(R"({"limit": 1})"));
///   h.next = answer("hi");
///   EXPECT_EQ(h.post(throttler, "/api/chat", "{}").status, 200);
///   EXPECT_EQ(h.post(throttler, "/api/chat", "{}").status, 429);
///
/// What a plugin does is recorded as short texts, so that an assertion is one line; testing/events.hpp says how events are
/// written. The same notation scripts what the rest of the pipeline answers: h.next = events({"step-start", "text:Hi"}).
///
/// One harness may serve requests on many threads at once; read what it recorded when they are done. Needs no test framework.
#pragma once

#include <algorithm>
#include <atomic>
#include <cctype>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>

#include "gatehouse/plugin.hpp"
#include "gatehouse/testing/events.hpp"
#include "gatehouse/testing/json.hpp"

namespace gatehouse::testing {

namespace fake {
struct ExchangeFake;
struct HostFake;
struct HttpFake;
}  // namespace fake

using Headers = std::vector<std::pair<std::string, std::string>>;

// ---- The rest of the pipeline ----------------------------------------------------------------------------------------

using NextFunction = std::function<Status(Exchange&, Sink&)>;

inline NextFunction fails(Fail fail) {
  return [fail](Exchange&, Sink&) -> Status { return fail; };
}

/// What the host does at the end of a pipeline that gave no answer.
inline NextFunction end_of_pipeline() { return fails({404, "not_found", "There is nothing here.", {}}); }

/// Emits these events, written as text.
inline NextFunction events(Events lines) {
  for (const std::string& line : lines) (void)fake::parse_event(line);  // throws in the test that wrote it
  return [lines](Exchange&, Sink& out) { return emit(out, lines); };
}

/// Answers with this text: as a model where there is a chat document, as an HTTP body above it.
inline NextFunction answer(std::string text) {
  return [text](Exchange& x, Sink& out) {
    return x.chat() ? emit(out, {"step-start", "text:" + text, "step-finish:stop"}) : x.reply(out, 200, "text/plain", text);
  };
}

/// One after another: the first call gets the first; the last one answers all calls that follow.
inline NextFunction in_turn(std::vector<NextFunction> functions) {
  auto calls = std::make_shared<std::atomic<std::size_t>>(0);
  return [functions, calls](Exchange& x, Sink& out) { return functions.at(std::min(calls->fetch_add(1), functions.size() - 1))(x, out); };
}

// ---- Requests and answers --------------------------------------------------------------------------------------------

struct Request {
  /// `target` may have a query.
  Request(std::string request_method, View target) : method(std::move(request_method)), path(target.substr(0, target.find('?'))) {
    if (path.size() < target.size()) query = target.substr(path.size() + 1);
  }

  std::string method, path, query;
  Headers headers;
  std::string body;
  std::string chat;  ///< The chat document as JSON text; empty: above the ingress plugin.
  std::string peer = "127.0.0.1";
  std::string id = "request-1";
  std::size_t leaves_after = std::numeric_limits<std::size_t>::max();     ///< The client leaves after so many events.
  std::chrono::nanoseconds patience = std::chrono::nanoseconds::max();    ///< The client leaves after this time.
  std::chrono::nanoseconds time_limit = std::chrono::nanoseconds::max();  ///< From the start to the deadline.
};

/// What came of a request: what reached the client, and more.
struct Answer : Recording {
  gh_status code = GH_OK;  ///< What handle() returned.
  int status = 200;        ///< What the client sees: that of the failure, unless the head had left before.
  Headers headers;
  Fail failure{0, {}, {}, {}};  ///< http_status 0: none.
  std::string notes;            ///< As JSON text.
  std::string heartbeat;
  std::chrono::nanoseconds heartbeat_interval{0};

  std::string header(View name) const;
};

/// What an upstream answers to one request.
struct Reply {
  int status = 200;  ///< 0: no head comes, `end` is all there is.
  Headers headers;
  std::vector<std::string> pieces;  ///< Of the body, as they arrive.
  gh_status end = GH_ABSENT;        ///< What follows the pieces: GH_FAILED with `failure`, or GH_STOP: the client leaves.
  Fail failure{};
};
inline Reply reply(int status, std::string body, Headers headers = {}) {
  return {status, std::move(headers), {std::move(body)}, GH_ABSENT, {}};
}
/// A stream of server-sent events with these data, one event a piece.
inline Reply sse(const std::vector<std::string>& data) {
  Reply r{200, {{"Content-Type", "text/event-stream"}}, {}, GH_ABSENT, {}};
  for (const std::string& d : data) r.pieces.push_back("data: " + d + "\n\n");
  return r;
}
/// The reply, but its body breaks off before its end.
inline Reply broken(Reply r, Fail failure = {502, "upstream_broken", "The upstream broke off its answer.", {}}) {
  r.end = GH_FAILED;
  r.failure = std::move(failure);
  return r;
}
inline Reply no_reply(Fail failure) { return broken({0, {}, {}, GH_ABSENT, {}}, std::move(failure)); }

/// The servers behind the host's HTTP client: replies come in the order they were pushed.
class Upstream {
 public:
  struct Sent {
    std::string base_url, method, path;
    Headers headers;
    std::string body;
    std::chrono::nanoseconds connect, first_byte, idle;  ///< The client's options.
    bool closed = false;                                 ///< By the plugin.
    bool read_to_end = false;                            ///< Before it was closed.

    std::string header(View name) const;
  };

  void push(Reply r) {
    const std::lock_guard lock(mutex_);
    replies_.push_back(std::move(r));
  }

  std::deque<Sent> requests;  ///< Those that were sent, first one first.

 private:
  friend struct fake::HttpFake;
  std::mutex mutex_;
  std::deque<Reply> replies_;
};

namespace fake {

inline bool same_name(View a, View b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

inline std::string join(const Headers& headers, View name) {
  std::string out;
  for (const auto& [n, value] : headers) {
    if (same_name(n, name)) out.append(out.empty() ? "" : ", ").append(value);
  }
  return out;
}

}  // namespace fake

// ---- Harness ---------------------------------------------------------------------------------------------------------

/// The gateway around the plugins of one test.
class Harness {
 public:
  Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  /// For the plugin's constructor; then look at `problems`.
  Host host() const { return Host(&host_); }
  /// Throws when it is no JSON. Lives as long as the harness.
  Json config(View text) { return configs_.emplace_back(parse(text)).root(); }

  Answer get(Plugin& plugin, View target, Headers headers = {}) {
    Request r("GET", target);
    r.headers = std::move(headers);
    return run(plugin, r);
  }
  Answer post(Plugin& plugin, View target, View body, Headers headers = {}) {
    Request r("POST", target);
    r.headers = std::move(headers);
    r.body = body;
    return run(plugin, r);
  }
  /// Below the ingress plugin, with this chat document.
  Answer ask(Plugin& plugin, View chat) {
    Request r("POST", "/api/chat");
    r.chat = chat;
    return run(plugin, r);
  }
  Answer run(Plugin& plugin, const Request& request);

  /// Moves the clock, which moves by itself only in Host::sleep().
  void advance(std::chrono::nanoseconds time) {
    const std::lock_guard lock(mutex_);
    now_ += time;
  }

  NextFunction next = end_of_pipeline();
  Upstream upstream;

  std::vector<std::string> problems;             ///< "/base_url: must be an http or https URL"
  std::vector<std::string> routes;               ///< "GET /health"; the index is the id
  std::vector<std::string> logs;                 ///< "warn: no answer {\"attempt\":2}"
  std::string health = "up";                     ///< "degraded: no connection"
  std::vector<std::chrono::nanoseconds> sleeps;  ///< As asked for.
  int next_calls = 0;
  std::vector<std::string> chats;  ///< The chat document at each call of next(), where there is one.

 private:
  friend struct fake::ExchangeFake;
  friend struct fake::HostFake;
  friend struct fake::HttpFake;

  struct GhHost : gh_host {
    Harness* harness;
  };
  static Harness& of(const gh_host* host) { return *static_cast<const GhHost*>(host)->harness; }

  static constexpr std::chrono::nanoseconds kStart = std::chrono::hours(1);  // any time that is not 0 will do

  std::mutex mutex_;  // guards the clock and all that is recorded
  std::chrono::nanoseconds now_ = kStart;
  std::deque<Document> configs_;
  GhHost host_{};
};

namespace fake {

/// What stands behind a gh_exchange.
struct ExchangeFake {
  ExchangeFake(Harness& h, const Request& r) : harness(h), request(r), client(r.leaves_after) {
    const std::lock_guard lock(h.mutex_);
    started = h.now_;
    if (!r.chat.empty()) chat_document = parse(r.chat);
  }

  Harness& harness;
  const Request& request;
  std::chrono::nanoseconds started{};
  Recorder client;
  Answer answer;
  bool head_has_left = false;
  bool client_has_left = false;
  std::optional<gh_failure> raw_failure;  // points into answer.failure
  std::optional<Document> chat_document, body_document;
  Document note_document = parse("{}");
  std::deque<std::string> views;  // what header() gave, until handle() returns

  gh_exchange* raw_exchange() { return reinterpret_cast<gh_exchange*>(this); }
  static ExchangeFake& of(gh_exchange* x) { return *reinterpret_cast<ExchangeFake*>(x); }
  static const ExchangeFake& of(const gh_exchange* x) { return *reinterpret_cast<const ExchangeFake*>(x); }

  static std::chrono::nanoseconds later(std::chrono::nanoseconds start, std::chrono::nanoseconds time) {
    return time > std::chrono::nanoseconds::max() - start ? std::chrono::nanoseconds::max() : start + time;
  }
  std::chrono::nanoseconds leaves_at() const { return later(started, request.patience); }
  std::chrono::nanoseconds deadline() const { return later(started, request.time_limit); }
  gh_status cancelled_at(std::chrono::nanoseconds now) const {
    if (client_has_left || client.has_left() || now >= leaves_at()) return GH_STOP;
    return now >= deadline() ? GH_CANCELLED : GH_OK;
  }

  static gh_status emit(void* self, const gh_event* e) {
    auto& x = *static_cast<ExchangeFake*>(self);
    if (const gh_status s = cancelled(x.raw_exchange()); s == GH_STOP) return s;
    x.head_has_left = x.head_has_left || e->kind == GH_EV_BYTES;
    return x.client.emit(Event(*e)).code();
  }
  static gh_status call_next(void* self, gh_exchange* raw_x, const gh_sink* out) {
    auto& x = *static_cast<ExchangeFake*>(self);
    x.raw_failure.reset();
    x.answer.failure = {0, {}, {}, {}};
    {
      const std::lock_guard lock(x.harness.mutex_);
      ++x.harness.next_calls;
      if (x.chat_document) x.harness.chats.push_back(x.chat_document->root().dump());
    }
    return gatehouse::detail::guard(raw_x, [&] {
      Exchange exchange(raw_x);
      gatehouse::detail::HostSink sink(out);
      return x.harness.next(exchange, sink);
    });
  }

  static gh_str field(const gh_exchange* x, int which) {
    const Request& r = of(x).request;
    switch (which) {
      case GH_METHOD: return raw(r.method);
      case GH_PATH: return raw(r.path);
      case GH_QUERY: return raw(r.query);
      case GH_PEER: return raw(r.peer);
      case GH_REQUEST_ID: return raw(r.id);
      default: return {};
    }
  }
  static std::int32_t route(const gh_exchange* x) {
    const ExchangeFake& self = of(x);
    const std::lock_guard lock(self.harness.mutex_);
    const auto& routes = self.harness.routes;
    const auto at = std::find(routes.begin(), routes.end(), self.request.method + " " + self.request.path);
    return at == routes.end() ? -1 : static_cast<std::int32_t>(at - routes.begin());
  }
  static gh_str header(gh_exchange* x, gh_str name) {
    ExchangeFake& self = of(x);
    const bool there = std::any_of(self.request.headers.begin(), self.request.headers.end(),
                                   [&](const auto& h) { return same_name(h.first, view(name)); });
    return there ? raw(self.views.emplace_back(join(self.request.headers, view(name)))) : gh_str{};
  }
  static gh_status header_at(const gh_exchange* x, std::size_t index, gh_str* name, gh_str* value) {
    const Headers& headers = of(x).request.headers;
    if (index >= headers.size()) return GH_ABSENT;
    *name = raw(headers[index].first);
    *value = raw(headers[index].second);
    return GH_OK;
  }
  static gh_status body(gh_exchange* x, gh_str* out) {
    *out = raw(of(x).request.body);
    return GH_OK;
  }
  static gh_status json(gh_exchange* x, gh_json** out) {
    ExchangeFake& self = of(x);
    if (!self.body_document) {
      auto parsed = Document::parse(self.request.body);
      if (!parsed) return self.fail_with(*parsed.error().fail());
      self.body_document = std::move(*parsed);
    }
    *out = self.body_document->root().raw();
    return GH_OK;
  }
  static gh_json* chat(gh_exchange* x, int create) {
    auto& document = of(x).chat_document;
    if (!document && create) document.emplace();
    return document ? document->root().raw() : nullptr;
  }
  static gh_json* notes(gh_exchange* x) { return of(x).note_document.root().raw(); }
  static std::int32_t status(const gh_exchange* x) { return of(x).answer.status; }
  static void set_status(gh_exchange* x, std::int32_t status) {
    if (!of(x).head_has_left) of(x).answer.status = status;
  }
  static gh_status set_header(gh_exchange* x, gh_str name, gh_str value) {
    ExchangeFake& self = of(x);
    const auto token = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || View("!#$%&'*+-.^_`|~").find(c) != View::npos; };
    const auto control = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
    const View n = view(name), v = view(value);
    if (self.head_has_left || n.empty() || !std::all_of(n.begin(), n.end(), token) || std::any_of(v.begin(), v.end(), control))
      return GH_INVALID;
    Headers& headers = self.answer.headers;
    const auto old = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, n); });
    if (old != headers.end() && !value.p)
      headers.erase(old);
    else if (old != headers.end())
      old->second = v;
    else if (value.p)
      headers.emplace_back(n, v);
    return GH_OK;
  }
  gh_status fail_with(Fail f) {
    Fail& kept = answer.failure = std::move(f);
    raw_failure = gh_failure{sizeof(gh_failure), kept.http_status, raw(kept.code), raw(kept.message), raw(kept.detail)};
    return GH_FAILED;
  }
  static gh_status fail(gh_exchange* x, const gh_failure* f) {
    return of(x).fail_with({f->http_status, std::string(view(f->code)), std::string(view(f->message)), std::string(view(f->detail))});
  }
  static const gh_failure* failure(const gh_exchange* x) { return of(x).raw_failure ? &*of(x).raw_failure : nullptr; }
  static int committed(const gh_exchange* x) { return of(x).head_has_left; }
  static gh_status cancelled(const gh_exchange* x) {
    const std::lock_guard lock(of(x).harness.mutex_);
    return of(x).cancelled_at(of(x).harness.now_);
  }
  static std::int64_t deadline_ns(const gh_exchange* x) { return of(x).deadline().count(); }
  static gh_status flush(gh_exchange* x) { return cancelled(x); }
  static void heartbeat(gh_exchange* x, gh_str bytes, std::int64_t interval_ns) {
    of(x).answer.heartbeat = view(bytes);
    of(x).answer.heartbeat_interval = std::chrono::nanoseconds(interval_ns);
  }

  static constexpr gh_exchange_api kTable = {sizeof(gh_exchange_api),
                                             field,
                                             route,
                                             header,
                                             header_at,
                                             body,
                                             json,
                                             chat,
                                             notes,
                                             status,
                                             set_status,
                                             set_header,
                                             fail,
                                             failure,
                                             committed,
                                             cancelled,
                                             deadline_ns,
                                             flush,
                                             heartbeat};
};

/// gatehouse.http/1
struct HttpFake {
  struct Client {
    Upstream& upstream;
    std::string base_url;
    std::chrono::nanoseconds connect, first_byte, idle;
  };
  struct Reading {
    Reading(ExchangeFake& x, Upstream::Sent& request, Reply r) : exchange(x), sent(request), reply(std::move(r)) {}

    ExchangeFake& exchange;
    Upstream::Sent& sent;
    Reply reply;
    std::size_t pieces_read = 0;
    // Made anew for each call, so that an address sanitizer sees a view that is kept too long.
    struct Given {
      std::string piece, event, data, id;
    };
    std::unique_ptr<Given> given = std::make_unique<Given>();
    std::string unread, line, event, data, last_id;  // of the event stream
    bool after_cr = false;
  };
  static Reading& of(gh_http_answer* a) { return *reinterpret_cast<Reading*>(a); }
  static const Reading& of(const gh_http_answer* a) { return *reinterpret_cast<const Reading*>(a); }

  static gh_http_client* open(const gh_host* host, const gh_http_options* o, gh_str* error) {
    const View url = view(o->base_url);
    if (url.substr(0, 7) != "http://" && url.substr(0, 8) != "https://") {
      *error = raw("this is no http:// or https:// URL");
      return nullptr;
    }
    using std::chrono::nanoseconds;
    auto client = new Client{Harness::of(host).upstream, std::string(url), nanoseconds(o->connect_ns), nanoseconds(o->first_byte_ns),
                             nanoseconds(o->idle_ns)};
    return reinterpret_cast<gh_http_client*>(client);
  }
  static gh_status send(gh_http_client* raw_client, gh_exchange* x, const gh_http_request* request, gh_http_answer** out) {
    const auto& client = *reinterpret_cast<Client*>(raw_client);
    ExchangeFake& exchange = ExchangeFake::of(x);
    if (const gh_status s = ExchangeFake::cancelled(x); s != GH_OK) return s;
    const std::lock_guard lock(client.upstream.mutex_);
    Upstream::Sent& sent = client.upstream.requests.emplace_back();
    sent.base_url = client.base_url;
    sent.method = view(request->method);
    sent.path = view(request->path);
    sent.body = view(request->body);
    for (std::size_t i = 0; i < request->header_count; ++i)
      sent.headers.emplace_back(view(request->headers[i].name), view(request->headers[i].value));
    sent.connect = client.connect;
    sent.first_byte = client.first_byte;
    sent.idle = client.idle;

    auto& replies = client.upstream.replies_;
    if (replies.empty()) return exchange.fail_with({502, "upstream_unreachable", "The upstream cannot be reached.", "no reply was pushed"});
    auto answer = std::make_unique<Reading>(exchange, sent, std::move(replies.front()));
    replies.pop_front();
    if (answer->reply.status == 0) return end(*answer);
    *out = reinterpret_cast<gh_http_answer*>(answer.release());
    return GH_OK;
  }
  static gh_status end(Reading& a) {
    a.sent.read_to_end = a.reply.end == GH_ABSENT;
    a.exchange.client_has_left = a.reply.end == GH_STOP;
    return a.reply.end == GH_FAILED ? a.exchange.fail_with(a.reply.failure) : a.reply.end;
  }

  static std::int32_t status(const gh_http_answer* a) { return of(a).reply.status; }
  static gh_str header(const gh_http_answer* a, gh_str name) {
    const Headers& headers = of(a).reply.headers;
    const auto at = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, view(name)); });
    return at == headers.end() ? gh_str{} : raw(at->second);
  }
  static gh_status next_piece(Reading& a, std::string& piece) {
    if (const gh_status s = ExchangeFake::cancelled(a.exchange.raw_exchange()); s != GH_OK) return s;
    if (a.pieces_read == a.reply.pieces.size()) return end(a);
    piece = a.reply.pieces[a.pieces_read++];
    return GH_OK;
  }
  static gh_status read(gh_http_answer* raw_answer, gh_str* piece) {
    Reading& a = of(raw_answer);
    a.given = std::make_unique<Reading::Given>();
    const gh_status s = next_piece(a, a.given->piece);
    if (s == GH_OK) *piece = raw(a.given->piece);
    return s;
  }

  static gh_status event(gh_http_answer* raw_answer, gh_sse_event* out) {
    Reading& a = of(raw_answer);
    a.given = std::make_unique<Reading::Given>();
    for (;;) {
      for (std::size_t i = 0; i < a.unread.size(); ++i) {
        const char c = a.unread[i];
        const bool second_half_of_crlf = c == '\n' && a.after_cr;
        a.after_cr = c == '\r';
        if (second_half_of_crlf) continue;
        if (c != '\n' && c != '\r') {
          a.line += c;
        } else if (end_of_line(a)) {
          a.unread.erase(0, i + 1);
          out->event = raw(a.given->event);
          out->data = raw(a.given->data);
          out->id = raw(a.given->id);
          return GH_OK;
        }
      }
      a.unread.clear();
      if (const gh_status s = next_piece(a, a.unread); s != GH_OK) return s;
    }
  }
  /// Takes the line in; true when it completes an event.
  static bool end_of_line(Reading& a) {
    const std::string line = std::exchange(a.line, {});
    if (line.empty()) {
      std::string data = std::exchange(a.data, {});
      if (data.empty()) {
        a.event.clear();
        return false;
      }
      data.pop_back();  // the line end after its last line
      *a.given = {{}, std::exchange(a.event, {}), std::move(data), a.last_id};
      return true;
    }
    const auto colon = line.find(':');
    const View field = View(line).substr(0, colon);
    View value = colon == View::npos ? View() : View(line).substr(colon + 1);
    if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (field == "data") a.data.append(value).append("\n");
    if (field == "event") a.event = value;
    if (field == "id" && value.find('\0') == View::npos) a.last_id = value;
    return false;
  }

  static void close(gh_http_answer* a) {
    of(a).sent.closed = true;
    delete &of(a);
  }
  static void drop(gh_http_client* client) { delete reinterpret_cast<Client*>(client); }

  static constexpr gh_http_api kTable = {sizeof(gh_http_api), open, send, status, header, read, event, close, drop};
};

struct HostFake {
  static void problem(const gh_host* host, gh_str pointer, gh_str message) {
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).problems.push_back(std::string(view(pointer)).append(": ").append(view(message)));
  }
  static std::int32_t route(const gh_host* host, gh_str method, gh_str path) {
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).routes.push_back(std::string(view(method)).append(" ").append(view(path)));
    return static_cast<std::int32_t>(Harness::of(host).routes.size() - 1);
  }
  static void log(const gh_host* host, int level, gh_exchange*, gh_str message, const gh_json* fields) {
    static constexpr View kLevels[] = {"debug", "info", "warn", "error"};
    std::string line = std::string(kLevels[level]).append(": ").append(view(message));
    if (fields) line.append(" ").append(Json(fields).dump());
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).logs.push_back(std::move(line));
  }
  static void health(const gh_host* host, int state, gh_str reason) {
    static constexpr View kStates[] = {"up", "degraded", "down"};
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).health = std::string(kStates[state]).append(reason.n ? ": " : "").append(view(reason));
  }
  static std::int64_t now_ns(const gh_host* host) {
    const std::lock_guard lock(Harness::of(host).mutex_);
    return Harness::of(host).now_.count();
  }
  static std::int64_t wall_ns(const gh_host* host) {
    constexpr std::chrono::nanoseconds kNewYear2025 = std::chrono::seconds(1735689600);
    const std::lock_guard lock(Harness::of(host).mutex_);
    return (kNewYear2025 + Harness::of(host).now_ - Harness::kStart).count();
  }
  static gh_status sleep(const gh_host* host, gh_exchange* x, std::int64_t ns) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    const std::chrono::nanoseconds time(ns);
    h.sleeps.push_back(time);
    const ExchangeFake* exchange = x ? &ExchangeFake::of(x) : nullptr;
    const auto until = ExchangeFake::later(h.now_, time);
    h.now_ = exchange ? std::max(h.now_, std::min({until, exchange->leaves_at(), exchange->deadline()})) : until;
    return exchange ? exchange->cancelled_at(h.now_) : GH_OK;
  }
  static const void* extension(const gh_host*, const char* id) { return View(id) == GH_HTTP_1 ? &HttpFake::kTable : nullptr; }
};

}  // namespace fake

// ---- Harness, the rest -----------------------------------------------------------------------------------------------

inline Harness::Harness() {
  if (!gatehouse::detail::json) gatehouse::detail::json = &json_api();
  if (!gatehouse::detail::exchange) gatehouse::detail::exchange = &fake::ExchangeFake::kTable;
  static_cast<gh_host&>(host_) = {sizeof(gh_host),
                                  GH_ABI_MAJOR,
                                  GH_ABI_MINOR,
                                  raw("1.0.0"),
                                  raw("test"),
                                  &json_api(),
                                  &fake::ExchangeFake::kTable,
                                  fake::HostFake::problem,
                                  fake::HostFake::route,
                                  fake::HostFake::log,
                                  fake::HostFake::health,
                                  fake::HostFake::now_ns,
                                  fake::HostFake::wall_ns,
                                  fake::HostFake::sleep,
                                  fake::HostFake::extension};
  host_.harness = this;
}

inline Answer Harness::run(Plugin& plugin, const Request& request) {
  fake::ExchangeFake x(*this, request);
  const gh_sink sink{sizeof(gh_sink), &x, fake::ExchangeFake::emit};
  const gh_next rest{sizeof(gh_next), &x, fake::ExchangeFake::call_next};
  const gh_status code = gatehouse::detail::Glue<Plugin>::handle(&plugin, x.raw_exchange(), &sink, &rest);

  Answer a = std::move(x.answer);
  a.code = code;
  if (code != GH_FAILED) a.failure = {0, {}, {}, {}};
  if (code == GH_FAILED && !x.head_has_left) a.status = a.failure.http_status ? a.failure.http_status : 500;
  if (code == GH_CANCELLED && !x.head_has_left) a.status = 504;
  static_cast<Recording&>(a) = std::move(x.client);
  a.notes = x.note_document.root().dump();
  return a;
}

inline std::string Answer::header(View name) const { return fake::join(headers, name); }
inline std::string Upstream::Sent::header(View name) const { return fake::join(headers, name); }

}  // namespace gatehouse::testing
