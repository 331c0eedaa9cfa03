#include "core/testing/exchange.h"

#include <algorithm>
#include <cctype>
#include <mutex>
#include <string>

namespace gatehouse::testing {
namespace {

/// Takes the front of `rest` up to a semicolon, and that too.
View cut_front(View& rest) {
  const View front = rest.substr(0, rest.find(';'));
  rest.remove_prefix(std::min(rest.size(), front.size() + 1));
  return front;
}

/// RFC 8259 8.1: JSON between systems is UTF-8; a charset parameter is tolerated when it says just
/// that.
bool is_json(View content_type) {
  const auto part = [&content_type] { return trim(cut_front(content_type)); };
  if (!equals_ignoring_case(part(), "application/json")) return false;
  while (!content_type.empty()) {
    const View parameter = part();
    if (!equals_ignoring_case(parameter.substr(0, 8), "charset=")) continue;
    const View charset = parameter.substr(8);
    if (!equals_ignoring_case(charset, "utf-8") && !equals_ignoring_case(charset, "\"utf-8\""))
      return false;
  }
  return true;
}

/// One `*` stands for any characters, at least one.
bool leads_to(View route, View wanted) {
  const auto star = route.find('*');
  if (star == View::npos || wanted.size() < route.size()) return false;
  const View back = route.substr(star + 1);
  return wanted.substr(0, star) == route.substr(0, star) &&
         wanted.substr(wanted.size() - back.size()) == back;
}
/// With the state's lock held.
std::int32_t claimed_route(const FakeExchange& self) {
  if (self.admin_route) return *self.admin_route;
  const auto& routes = self.state.harness.routes;
  const std::string wanted = self.request.method + " " + self.request.path;
  auto at = std::find(routes.begin(), routes.end(), wanted);
  if (at == routes.end())
    at = std::find_if(routes.begin(), routes.end(),
                      [&](const std::string& r) { return leads_to(r, wanted); });
  return at == routes.end() ? -1 : static_cast<std::int32_t>(at - routes.begin());
}
std::int32_t route(const gh_exchange* x) {
  const FakeExchange& self = FakeExchange::of(x);
  const std::lock_guard lock(self.state.mutex);
  return claimed_route(self);
}
/// Of an admin address: its whole path, as there are no patterns.
gh_str route_path(const FakeExchange& self) {
  const std::lock_guard lock(self.state.mutex);
  const std::int32_t id = claimed_route(self);
  if (id == -1) return {};
  if (id < 0) return raw(self.request.path);
  const View route = self.state.harness.routes[static_cast<std::size_t>(id)];
  return raw(route.substr(route.find(' ') + 1));
}
gh_str field(const gh_exchange* x, int which) {
  const FakeExchange& self = FakeExchange::of(x);
  const Request& r = self.request;
  switch (which) {
    case GH_METHOD: return raw(r.method);
    case GH_PATH: return raw(r.path);
    case GH_QUERY: return raw(r.query);
    case GH_PEER: return raw(r.peer);
    case GH_CLIENT: return raw(r.client.empty() ? r.peer : r.client);
    case GH_TRACE: return raw(self.trace);
    case GH_REQUEST_ID: return raw(r.id);
    case GH_ROUTE_PATH: return route_path(self);
    default: return {};
  }
}
gh_str header(gh_exchange* x, gh_str name) {
  FakeExchange& self = FakeExchange::of(x);
  if (!has(self.request.headers, view(name))) return {};
  return raw(self.views.emplace_back(join(self.request.headers, view(name))));
}
gh_status header_at(const gh_exchange* x, std::size_t index, gh_str* name, gh_str* value) {
  const Headers& headers = FakeExchange::of(x).request.headers;
  if (index >= headers.size()) return GH_ABSENT;
  *name = raw(headers[index].first);
  *value = raw(headers[index].second);
  return GH_OK;
}
gh_status body(gh_exchange* x, gh_str* out) {
  FakeExchange& self = FakeExchange::of(x);
  if (self.body_document && !self.body_is_seen) return GH_ABSENT;
  self.state.run_meanwhile();
  self.body_is_seen = true;
  *out = raw(self.request.body);
  return GH_OK;
}
gh_status json(gh_exchange* x, gh_json** out) {
  FakeExchange& self = FakeExchange::of(x);
  if (!self.body_document) {
    self.state.run_meanwhile();
    if (!is_json(join(self.request.headers, "Content-Type")))
      return self.fail_with({415,
                             "unsupported_media_type",
                             "The body must be sent as Content-Type: application/json in UTF-8.",
                             {}});
    const std::string coding = join(self.request.headers, "Content-Encoding");
    if (!coding.empty() && !equals_ignoring_case(coding, "identity"))
      return self.fail_with(
          {415, "unsupported_media_type", "The body must be sent without Content-Encoding.", {}});
    auto parsed = Document::parse(self.request.body);
    if (!parsed) return self.fail_with(parsed.error().failure().copy());
    self.body_document = std::move(*parsed);
  }
  *out = self.body_document->root().raw();
  return GH_OK;
}
gh_json* chat(gh_exchange* x, int create) {
  auto& document = FakeExchange::of(x).chat_document;
  if (!document && create) document.emplace();
  return document ? document->root().raw() : nullptr;
}
gh_json* notes(gh_exchange* x) { return FakeExchange::of(x).note_document.root().raw(); }
const gh_caller* caller(const gh_exchange* x) { return &FakeExchange::of(x).who; }
void set_caller(gh_exchange* x, const gh_caller* c) {
  FakeExchange& self = FakeExchange::of(x);
  const auto keep = [&](gh_str text) { return raw(self.views.emplace_back(view(text))); };
  self.who = {sizeof(gh_caller), 0, keep(c->tenant), keep(c->user), keep(c->key)};
  self.answer.caller = {self.views[self.views.size() - 3], self.views[self.views.size() - 2],
                        self.views.back()};
}
std::int32_t status(const gh_exchange* x) { return FakeExchange::of(x).answer.status; }
void set_status(gh_exchange* x, std::int32_t status) {
  if (!FakeExchange::of(x).has_begun) FakeExchange::of(x).answer.status = status;
}
gh_status set_header(gh_exchange* x, gh_str name, gh_str value) {
  FakeExchange& self = FakeExchange::of(x);
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
                                [&](const auto& h) { return equals_ignoring_case(h.first, n); });
  if (old != headers.end() && !value.p)
    headers.erase(old);
  else if (old != headers.end())
    old->second = v;
  else if (value.p)
    headers.emplace_back(n, v);
  return GH_OK;
}
gh_status fail(gh_exchange* x, const gh_failure* f) {
  const std::chrono::nanoseconds retry_after(
      GH_HAS(gh_failure, f, retry_after_ns) ? f->retry_after_ns : 0);  // 1.0 has none
  return FakeExchange::of(x).fail_with({f->http_status, std::string(view(f->code)),
                                        std::string(view(f->message)), std::string(view(f->detail)),
                                        retry_after, GH_HAS(gh_failure, f, flags) ? f->flags : 0});
}
const gh_failure* failure(const gh_exchange* x) {
  return FakeExchange::of(x).raw_failure ? &*FakeExchange::of(x).raw_failure : nullptr;
}
int committed(const gh_exchange* x) { return FakeExchange::of(x).has_begun; }
gh_status cancelled(const gh_exchange* x) { return FakeExchange::of(x).cancelled(); }
std::int64_t deadline_ns(const gh_exchange* x) { return FakeExchange::of(x).deadline.count(); }
gh_status flush(gh_exchange* x) { return FakeExchange::of(x).flush(); }
void heartbeat(gh_exchange* x, gh_str bytes, std::int64_t interval_ns) {
  FakeExchange::of(x).answer.heartbeat = view(bytes);
  FakeExchange::of(x).answer.heartbeat_interval = std::chrono::nanoseconds(interval_ns);
}
void before_wait(gh_exchange* x, void (*call)(void*), void* self) {
  FakeExchange::of(x).before_wait = call;
  FakeExchange::of(x).before_wait_self = self;
}
int has_left(gh_exchange* x) {
  const FakeExchange& self = FakeExchange::of(x);
  return self.left_at(self.state.now());
}
void outlive(gh_exchange* x, int (*wanted)(void*), void* self) {
  FakeExchange::of(x).wanted = wanted;
  FakeExchange::of(x).wanted_self = self;
}

}  // namespace

gh_status emit_to_client(void* self, const gh_event* e) {
  auto& x = *static_cast<FakeExchange*>(self);
  x.state.run_meanwhile();
  if (x.left_at(x.state.now())) {
    constexpr int kMost = 8;  // a plugin may flush what it holds back
    if (++x.events_after_stop > kMost) x.state.fault("events after emit returned GH_STOP");
    return GH_STOP;
  }
  constexpr View kAbove = " above the ingress plugin, where only bytes are";
  const bool is_above = !x.grammar && e->kind != GH_EV_BYTES;
  const View rule = x.grammar ? x.grammar->check(*e) : is_above ? kAbove : View();
  if (!rule.empty()) x.state.fault(to_text(*e).append(rule));
  x.has_begun = x.has_begun || e->kind == GH_EV_BYTES;
  if ((e->flags & GH_LAST) != 0) x.flushed();
  return x.client.emit(Event(*e)).code();
}

gh_status call_next(void* self, gh_exchange* raw_x, const gh_sink* out) {
  auto& x = *static_cast<FakeExchange*>(self);
  x.state.run_meanwhile();
  if (x.client.complete) {
    x.state.fault("next after the end of the response");
    return GH_INVALID;
  }
  x.went_on = true;
  x.raw_failure.reset();
  x.answer.failure = {0, {}, {}, {}};
  {
    const std::lock_guard lock(x.state.mutex);
    ++x.state.harness.next_calls;
    if (x.chat_document) x.state.harness.chats.push_back(x.chat_document->root().dump());
  }
  return gatehouse::detail::guard(raw_x, [&] {
    Exchange exchange(raw_x);
    gatehouse::detail::HostSink sink(out, raw_x);
    return x.admin_route ? end_of_pipeline()(exchange, sink) : x.state.harness.next(exchange, sink);
  });
}

const gh_exchange_api& exchange_table() {
  static constexpr gh_exchange_api kTable = {.size = sizeof kTable,
                                             .reserved = 0,
                                             .field = field,
                                             .route = route,
                                             .header = header,
                                             .header_at = header_at,
                                             .body = body,
                                             .json = json,
                                             .chat = chat,
                                             .notes = notes,
                                             .caller = caller,
                                             .set_caller = set_caller,
                                             .status = status,
                                             .set_status = set_status,
                                             .set_header = set_header,
                                             .fail = fail,
                                             .failure = failure,
                                             .committed = committed,
                                             .cancelled = cancelled,
                                             .deadline_ns = deadline_ns,
                                             .flush = flush,
                                             .heartbeat = heartbeat,
                                             .before_wait = before_wait};
  return kTable;
}

const gh_client_api& client_table() {
  static constexpr gh_client_api kTable = {
      .size = sizeof kTable, .reserved = 0, .has_left = has_left};
  return kTable;
}

const gh_share_api& share_table() {
  static constexpr gh_share_api kTable = {.size = sizeof kTable, .reserved = 0, .outlive = outlive};
  return kTable;
}

}  // namespace gatehouse::testing
