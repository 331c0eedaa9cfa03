/// gh_exchange_api: one request of gatehouse/testing.hpp, which includes this.
#pragma once

#include "gatehouse/testing.hpp"

namespace gatehouse::testing {
namespace fake {

/// RFC 8259 8.1: JSON between systems is UTF-8; a charset parameter is tolerated when it says just
/// that.
inline bool is_json(View content_type) {
  const auto part = [&content_type] {
    const View text = cut(content_type, ";");
    const std::size_t first = text.find_first_not_of(" \t");
    return first == View::npos ? View()
                               : text.substr(first, text.find_last_not_of(" \t") - first + 1);
  };
  if (!same_name(part(), "application/json")) return false;
  while (!content_type.empty()) {
    const View parameter = part();
    if (!same_name(parameter.substr(0, 8), "charset=")) continue;
    const View charset = parameter.substr(8);
    if (!same_name(charset, "utf-8") && !same_name(charset, "\"utf-8\"")) return false;
  }
  return true;
}

/// The request of an exchange that nobody asked for.
inline Request nobody() {
  Request r("", "");
  r.peer = r.id = "";
  return r;
}

/// What stands behind a gh_exchange.
struct ExchangeFake {
  ExchangeFake(Harness& h, const Request& r)
      : harness(h),
        request(r),
        leaves_at(later(h.now(), r.patience)),
        deadline(later(h.now(), r.time_limit)),
        client(r.leaves_after) {
    if (!r.chat.empty()) chat_document = parse(r.chat);
    who = {sizeof who, 0, raw(r.caller.tenant), raw(r.caller.user), raw(r.caller.key)};
  }

  Harness& harness;
  const Request& request;
  const std::chrono::nanoseconds leaves_at;
  std::chrono::nanoseconds deadline;
  Recorder client;
  Answer answer;
  bool has_begun = false;      // the body: the status is decided
  bool head_has_left = false;  // the headers are decided
  bool client_has_left = false;
  std::optional<std::int32_t> admin_route;
  std::optional<std::size_t> waits_left;  // of a background task
  std::atomic<bool> ends{false};          // its instance, or the request that it works for
  int (*wanted)(void*) = nullptr;         // of outlive()
  void* wanted_self = nullptr;
  void (*before_wait_call)(void*) = nullptr;
  void* before_wait_self = nullptr;
  std::optional<gh_failure> raw_failure;  // points into answer.failure
  std::optional<Document> chat_document, body_document;
  bool body_is_seen = false;  // somebody has a view of its bytes
  Document note_document = parse("{}");
  gh_caller who{sizeof(gh_caller), 0, {}, {}, {}};
  std::deque<std::string> views;  // what header() gave, until handle() returns

  gh_exchange* raw_exchange() { return reinterpret_cast<gh_exchange*>(this); }
  static ExchangeFake& of(gh_exchange* x) { return *reinterpret_cast<ExchangeFake*>(x); }
  static const ExchangeFake& of(const gh_exchange* x) {
    return *reinterpret_cast<const ExchangeFake*>(x);
  }

  static std::chrono::nanoseconds later(std::chrono::nanoseconds start,
                                        std::chrono::nanoseconds time) {
    return time > std::chrono::nanoseconds::max() - start ? std::chrono::nanoseconds::max()
                                                          : start + time;
  }
  bool left_at(std::chrono::nanoseconds now) const {
    return client_has_left || client.has_left() || (request.gone && *request.gone) ||
           now >= leaves_at;
  }
  /// Asks the plugin, which may have a lock of its own: never with the lock of the harness held.
  bool outlives() const { return wanted && wanted(wanted_self) != 0; }
  gh_status cancelled_at(std::chrono::nanoseconds now, bool outlives_client) const {
    if (left_at(now) && !outlives_client) return GH_STOP;
    return ends || now >= deadline ? GH_CANCELLED : GH_OK;
  }
  /// Whenever the host waits, what was emitted so far leaves.
  void flushed() { head_has_left = has_begun; }
  /// Before each wait: false when it is the one in which a background task is told to end.
  bool may_wait() {
    if (const auto call = std::exchange(before_wait_call, nullptr)) call(before_wait_self);
    flushed();
    if (!waits_left) return true;
    ends = *waits_left == 0;
    if (!ends) --*waits_left;
    return !ends;
  }
  /// A wait that nothing has ended moves the clock to its end, or to the end of the request if that
  /// is sooner.
  gh_status wait_until(std::chrono::nanoseconds end) {
    const bool outlives_client = outlives();
    const std::lock_guard lock(harness.mutex_);
    harness.advance_to(std::min({end, deadline, outlives_client ? end : leaves_at}));
    return cancelled_at(harness.now_, outlives_client);
  }

  static gh_status emit(void* self, const gh_event* e) {
    auto& x = *static_cast<ExchangeFake*>(self);
    if (x.left_at(x.harness.now())) return GH_STOP;
    x.has_begun = x.has_begun || e->kind == GH_EV_BYTES;
    if ((e->flags & GH_LAST) != 0) x.flushed();
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
      gatehouse::detail::HostSink sink(out, raw_x);
      return x.admin_route ? end_of_pipeline()(exchange, sink) : x.harness.next(exchange, sink);
    });
  }

  static gh_str field(const gh_exchange* x, int which) {
    const Request& r = of(x).request;
    switch (which) {
      case GH_METHOD: return raw(r.method);
      case GH_PATH: return raw(r.path);
      case GH_QUERY: return raw(r.query);
      case GH_PEER: return raw(r.peer);
      case GH_CLIENT: return raw(r.client.empty() ? r.peer : r.client);
      case GH_TRACE: return raw(r.trace);
      case GH_REQUEST_ID: return raw(r.id);
      default: return {};
    }
  }
  /// One `*` stands for any characters, at least one.
  static bool leads_to(View route, View wanted) {
    const auto star = route.find('*');
    if (star == View::npos || wanted.size() < route.size()) return false;
    const View back = route.substr(star + 1);
    return wanted.substr(0, star) == route.substr(0, star) &&
           wanted.substr(wanted.size() - back.size()) == back;
  }
  static std::int32_t route(const gh_exchange* x) {
    const ExchangeFake& self = of(x);
    if (self.admin_route) return *self.admin_route;
    const std::lock_guard lock(self.harness.mutex_);
    const auto& routes = self.harness.routes;
    const std::string wanted = self.request.method + " " + self.request.path;
    auto at = std::find(routes.begin(), routes.end(), wanted);
    if (at == routes.end())
      at = std::find_if(routes.begin(), routes.end(),
                        [&](const std::string& r) { return leads_to(r, wanted); });
    return at == routes.end() ? -1 : static_cast<std::int32_t>(at - routes.begin());
  }
  static gh_str header(gh_exchange* x, gh_str name) {
    ExchangeFake& self = of(x);
    if (!has(self.request.headers, view(name))) return {};
    return raw(self.views.emplace_back(join(self.request.headers, view(name))));
  }
  static gh_status header_at(const gh_exchange* x, std::size_t index, gh_str* name, gh_str* value) {
    const Headers& headers = of(x).request.headers;
    if (index >= headers.size()) return GH_ABSENT;
    *name = raw(headers[index].first);
    *value = raw(headers[index].second);
    return GH_OK;
  }
  static gh_status body(gh_exchange* x, gh_str* out) {
    ExchangeFake& self = of(x);
    if (self.body_document && !self.body_is_seen) return GH_ABSENT;
    self.body_is_seen = true;
    *out = raw(self.request.body);
    return GH_OK;
  }
  static gh_status json(gh_exchange* x, gh_json** out) {
    ExchangeFake& self = of(x);
    if (!self.body_document) {
      if (!is_json(join(self.request.headers, "Content-Type")))
        return self.fail_with({415,
                               "unsupported_media_type",
                               "The body must be sent as Content-Type: application/json in UTF-8.",
                               {}});
      const std::string coding = join(self.request.headers, "Content-Encoding");
      if (!coding.empty() && !same_name(coding, "identity"))
        return self.fail_with(
            {415, "unsupported_media_type", "The body must be sent without Content-Encoding.", {}});
      auto parsed = Document::parse(self.request.body);
      if (!parsed) return self.fail_with(parsed.error().failure().copy());
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
  static const gh_caller* caller(const gh_exchange* x) { return &of(x).who; }
  static void set_caller(gh_exchange* x, const gh_caller* c) {
    ExchangeFake& self = of(x);
    const auto keep = [&](gh_str text) { return raw(self.views.emplace_back(view(text))); };
    self.who = {sizeof(gh_caller), 0, keep(c->tenant), keep(c->user), keep(c->key)};
    self.answer.caller = {self.views[self.views.size() - 3], self.views[self.views.size() - 2],
                          self.views.back()};
  }
  static std::int32_t status(const gh_exchange* x) { return of(x).answer.status; }
  static void set_status(gh_exchange* x, std::int32_t status) {
    if (!of(x).has_begun) of(x).answer.status = status;
  }
  static gh_status set_header(gh_exchange* x, gh_str name, gh_str value) {
    ExchangeFake& self = of(x);
    const auto token = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) ||
             View("!#$%&'*+-.^_`|~").find(c) != View::npos;
    };
    const auto control = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
    const View n = view(name), v = view(value);
    if (self.head_has_left || n.empty() || !std::all_of(n.begin(), n.end(), token) ||
        std::any_of(v.begin(), v.end(), control))
      return GH_INVALID;
    Headers& headers = self.answer.headers;
    const auto old = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& h) { return same_name(h.first, n); });
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
    raw_failure =
        gh_failure{sizeof(gh_failure), kept.http_status,         raw(kept.code), raw(kept.message),
                   raw(kept.detail),   kept.retry_after.count(), kept.flags,     0};
    return GH_FAILED;
  }
  static gh_status fail(gh_exchange* x, const gh_failure* f) {
    const std::chrono::nanoseconds retry_after(
        GH_HAS(gh_failure, f, retry_after_ns) ? f->retry_after_ns : 0);  // 1.0 has none
    return of(x).fail_with({f->http_status, std::string(view(f->code)),
                            std::string(view(f->message)), std::string(view(f->detail)),
                            retry_after, GH_HAS(gh_failure, f, flags) ? f->flags : 0});
  }
  static const gh_failure* failure(const gh_exchange* x) {
    return of(x).raw_failure ? &*of(x).raw_failure : nullptr;
  }
  static int committed(const gh_exchange* x) { return of(x).has_begun; }
  static gh_status cancelled(const gh_exchange* x) {
    return of(x).cancelled_at(of(x).harness.now(), of(x).outlives());
  }
  static std::int64_t deadline_ns(const gh_exchange* x) { return of(x).deadline.count(); }
  static gh_status flush(gh_exchange* x) {
    of(x).flushed();
    return cancelled(x);
  }
  static void heartbeat(gh_exchange* x, gh_str bytes, std::int64_t interval_ns) {
    of(x).answer.heartbeat = view(bytes);
    of(x).answer.heartbeat_interval = std::chrono::nanoseconds(interval_ns);
  }
  static void before_wait(gh_exchange* x, void (*call)(void*), void* self) {
    of(x).before_wait_call = call;
    of(x).before_wait_self = self;
  }
  static void outlive(gh_exchange* x, int (*wanted)(void*), void* self) {
    of(x).wanted = wanted;
    of(x).wanted_self = self;
  }

  static constexpr gh_exchange_api kTable = {sizeof(gh_exchange_api),
                                             0,
                                             field,
                                             route,
                                             header,
                                             header_at,
                                             body,
                                             json,
                                             chat,
                                             notes,
                                             caller,
                                             set_caller,
                                             status,
                                             set_status,
                                             set_header,
                                             fail,
                                             failure,
                                             committed,
                                             cancelled,
                                             deadline_ns,
                                             flush,
                                             heartbeat,
                                             before_wait};
  static constexpr gh_share_api kShareTable = {sizeof(gh_share_api), 0, outlive};
};

}  // namespace fake
}  // namespace gatehouse::testing
