#include <algorithm>
#include <chrono>
#include <string>

#include "core/exchange/exchange.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

gh_str field(const gh_exchange* raw_x, int which) {
  const Exchange& x = Exchange::of(raw_x);
  switch (which) {
    case GH_METHOD: return raw(x.head().method);
    case GH_PATH: return raw(x.head().path);
    case GH_QUERY: return raw(x.head().query);
    case GH_PEER: return raw(x.peer());
    case GH_CLIENT: return raw(x.client_address());
    case GH_REQUEST_ID: return raw(x.request_id());
    case GH_TRACE: return raw(x.trace().parent);
    case GH_ROUTE_PATH: return raw(x.route_path);
    default: return {nullptr, 0};
  }
}

std::int32_t route(const gh_exchange* x) { return Exchange::of(x).route; }

gh_str header(gh_exchange* x, gh_str name) { return raw(Exchange::of(x).header(view(name))); }

gh_status header_at(const gh_exchange* x, std::size_t index, gh_str* name, gh_str* value) {
  const auto& fields = Exchange::of(x).head().fields;
  if (index >= fields.size()) return GH_ABSENT;
  if (name) *name = raw(fields[index].name);
  if (value) *value = raw(fields[index].value);
  return GH_OK;
}

gh_status body(gh_exchange* x, gh_str* out) {
  std::string_view bytes;
  const gh_status status = Exchange::of(x).body(bytes);
  if (status == GH_OK) *out = raw(bytes);
  return status;
}

gh_status json(gh_exchange* x, gh_json** out) { return Exchange::of(x).json(*out); }

gh_json* chat(gh_exchange* x, int create) {
  return create ? Exchange::of(x).make_chat() : Exchange::of(x).chat();
}

gh_json* notes(gh_exchange* x) { return Exchange::of(x).notes(); }

const gh_caller* caller(const gh_exchange* x) { return &Exchange::of(x).caller(); }

void set_caller(gh_exchange* x, const gh_caller* c) {
  Exchange::of(x).set_caller(view(c->tenant), view(c->user), view(c->key));
}

std::int32_t status(const gh_exchange* x) { return Exchange::of(x).status; }

void set_status(gh_exchange* raw_x, std::int32_t status) {
  Exchange& x = Exchange::of(raw_x);
  if (!x.client().begun()) x.status = std::clamp(status, 200, 599);
}

gh_status set_header(gh_exchange* raw_x, gh_str name, gh_str value) {
  Exchange& x = Exchange::of(raw_x);
  const bool done = value.p ? x.set_header(view(name), view(value)) : x.remove_header(view(name));
  return done ? GH_OK : GH_INVALID;
}

gh_status fail(gh_exchange* x, const gh_failure* f) {
  // A plugin of an older minor version has a shorter struct.
  const std::int64_t retry_after = GH_HAS(gh_failure, f, retry_after_ns) ? f->retry_after_ns : 0;
  const std::uint32_t flags = GH_HAS(gh_failure, f, flags) ? f->flags : 0;
  return Exchange::of(x).fail({f->http_status, std::string(view(f->code)),
                               std::string(view(f->message)), std::string(view(f->detail)),
                               std::chrono::nanoseconds(retry_after), flags});
}

const gh_failure* failure(const gh_exchange* x) { return Exchange::of(x).raw_failure(); }

int committed(const gh_exchange* x) { return Exchange::of(x).client().begun(); }

gh_status cancelled(const gh_exchange* x) { return Exchange::of(x).cancelled(); }

std::int64_t deadline_ns(const gh_exchange* x) {
  const auto deadline = Exchange::of(x).waiter().deadline();
  return std::chrono::nanoseconds(deadline.time_since_epoch()).count();
}

gh_status flush(gh_exchange* x) { return Exchange::of(x).client().flush(); }

void heartbeat(gh_exchange* x, gh_str bytes, std::int64_t interval_ns) {
  Exchange::of(x).client().heartbeat(view(bytes), bounded(interval_ns));
}

void before_wait(gh_exchange* x, void (*call)(void*), void* self) {
  std::function<void()> bound;
  if (call) bound = [call, self] { call(self); };
  Exchange::of(x).client().before_wait(std::move(bound));
}

}  // namespace

const gh_exchange_api& exchange_table() {
  static constexpr gh_exchange_api kTable = {.size = sizeof kTable,
                                             .reserved = 0,
                                             .field = field,
                                             .route = route,
                                             .header = guarded<header, gh_str{}>,
                                             .header_at = header_at,
                                             .body = guarded<body, GH_UNAVAILABLE>,
                                             .json = guarded<json, GH_UNAVAILABLE>,
                                             .chat = guarded<chat, nullptr>,
                                             .notes = guarded<notes, nullptr>,
                                             .caller = caller,
                                             .set_caller = guarded<set_caller>,
                                             .status = status,
                                             .set_status = set_status,
                                             .set_header = guarded<set_header, GH_UNAVAILABLE>,
                                             .fail = guarded<fail, GH_FAILED>,
                                             .failure = failure,
                                             .committed = committed,
                                             .cancelled = guarded<cancelled, GH_UNAVAILABLE>,
                                             .deadline_ns = deadline_ns,
                                             .flush = guarded<flush, GH_UNAVAILABLE>,
                                             .heartbeat = guarded<heartbeat>,
                                             .before_wait = guarded<before_wait>};
  return kTable;
}

}  // namespace gatehouse::core
