/// One request and its response.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "gatehouse/abi/exchange.h"
#include "gatehouse/document.hpp"
#include "gatehouse/events.hpp"
#include "gatehouse/status.hpp"

namespace gatehouse {
inline namespace v1 {

/// Who sends a request, as the plugin that authenticated it has established. Empty: unknown.
/// Plugins log these texts, so they are never secrets.
struct Caller {
  View tenant;  ///< Whose data it may see: an extension, a team. Separates caches and tools.
  View user;    ///< Which user, or installation, of the tenant.
  View key;     ///< The name of the credential, not the credential.
};

/// One request and its response. Belongs to one thread. Views live until handle() returns.
class Exchange {
 public:
  explicit Exchange(gh_exchange* x) : x_(x) {}

  View method() const { return field(GH_METHOD); }
  View path() const { return field(GH_PATH); }    ///< Without the query; not decoded.
  View query() const { return field(GH_QUERY); }  ///< Without the question mark.
  View peer() const { return field(GH_PEER); }    ///< Address of the connection, without the port.
  View client() const { return field(GH_CLIENT); }  ///< That of the client behind trusted proxies.
  View request_id() const { return field(GH_REQUEST_ID); }
  View trace() const { return field(GH_TRACE); }  ///< traceparent for upstream calls.
  /// What Host::route() returned for this method and path, or -1.
  int route() const { return detail::exchange->route(x_); }
  /// The path of that route as it was claimed, with its `*`; empty: none.
  View route_path() const { return field(GH_ROUTE_PATH); }
  /// A request header, any case; several of one name are joined by ", ". Absent: data() is null.
  View header(View name) const { return view(detail::exchange->header(x_, gatehouse::raw(name))); }
  /// Name and value of the header at this place, or nothing past the last.
  std::optional<std::pair<View, View>> header_at(std::size_t index) const {
    gh_str name{}, value{};
    if (detail::exchange->header_at(x_, index, &name, &value) != GH_OK) return std::nullopt;
    return std::pair(view(name), view(value));
  }

  /// The whole request body; may wait for it. Call it before json(), which frees the bytes
  /// (GH_ABSENT).
  Result<View> body() {
    gh_str out{};
    const gh_status s = detail::exchange->body(x_, &out);
    if (s != GH_OK) return Status(s, x_);
    return view(out);
  }
  /// The body as JSON, parsed once for all plugins. Fails with 415 when its Content-Type is not
  /// JSON.
  Result<MutableJson> json() {
    gh_json* out = nullptr;
    const gh_status s = detail::exchange->json(x_, &out);
    if (s != GH_OK) return Status(s, x_);
    return MutableJson(out);
  }
  /// The chat document; empty above the ingress plugin.
  MutableJson chat() const { return MutableJson(detail::exchange->chat(x_, 0)); }
  /// [ingress] Creates the chat document.
  MutableJson make_chat() { return MutableJson(detail::exchange->chat(x_, 1)); }
  /// Facts about the request that all plugins share and the access log writes.
  MutableJson notes() const { return MutableJson(detail::exchange->notes(x_)); }

  Caller caller() const {
    const gh_caller& c = *detail::exchange->caller(x_);
    return {view(c.tenant), view(c.user), view(c.key)};
  }
  /// [the plugin that authenticates] Copies the texts.
  void set_caller(const Caller& c) {
    const gh_caller out{sizeof out, 0, gatehouse::raw(c.tenant), gatehouse::raw(c.user),
                        gatehouse::raw(c.key)};
    detail::exchange->set_caller(x_, &out);
  }

  int status() const { return detail::exchange->status(x_); }
  void set_status(int status) { detail::exchange->set_status(x_, status); }
  /// Replaces a header of the response. False: it is no legal header, or the head has left.
  bool set_header(View name, View value) {
    return detail::exchange->set_header(x_, gatehouse::raw(name), gatehouse::raw(value)) == GH_OK;
  }
  bool remove_header(View name) {
    return detail::exchange->set_header(x_, gatehouse::raw(name), {nullptr, 0}) == GH_OK;
  }
  /// Responds with one whole body.
  Status reply(Sink& out, int status, View content_type, View body) {
    set_status(status);
    set_header("Content-Type", content_type);
    return out.emit(event::bytes(body, true));
  }
  /// The status has been decided: something of the body was emitted.
  bool committed() const { return detail::exchange->committed(x_) != 0; }
  Status flush() { return Status(detail::exchange->flush(x_), x_); }
  /// Sends `bytes` whenever the response has been silent for `interval` while the host waits.
  void heartbeat(View bytes, std::chrono::nanoseconds interval) {
    detail::exchange->heartbeat(x_, gatehouse::raw(bytes), interval.count());
  }

  /// On the clock of Host::now(); the largest value: none.
  std::chrono::nanoseconds deadline() const {
    return std::chrono::nanoseconds(detail::exchange->deadline_ns(x_));
  }
  /// Not ok: the client has gone (GH_STOP), or the deadline has passed or the gateway stops
  /// (GH_CANCELLED).
  Status cancelled() const { return Status(detail::exchange->cancelled(x_), x_); }
  /// The failure that the host or the rest of the pipeline has set; false when there is none.
  Failure failure() const {
    const gh_failure* const failure = detail::exchange->failure(x_);
    return failure ? Failure(*failure) : Failure();
  }

  gh_exchange* raw() const { return x_; }

 private:
  View field(int which) const { return view(detail::exchange->field(x_, which)); }
  gh_exchange* x_;
};

}  // namespace v1
}  // namespace gatehouse
