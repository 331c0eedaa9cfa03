/// The gateway as one plugin instance sees it.
#pragma once

#include <chrono>

#include "gatehouse/abi/host.h"
#include "gatehouse/exchange.hpp"
#include "gatehouse/status.hpp"

namespace gatehouse {
inline namespace v1 {

/// The gateway as one plugin instance sees it. Alive as long as the instance. Any thread.
class Host {
 public:
  explicit Host(const gh_host* host) : host_(host) {}

  View version() const { return view(host_->version); }
  View instance() const { return view(host_->instance); }
  /// Other machines can reach the gateway.
  bool is_exposed() const { return host_->exposed != 0; }

  /// [constructor only] Reports a mistake at a JSON pointer of the configuration, e.g. "/base_url".
  /// The instance is then not used, so the constructor may go on to find more.
  void problem(View pointer, View message) const {
    host_->problem(host_, raw(pointer), raw(message));
  }
  /// [constructor only] Reports what works and yet is likely a mistake, e.g. a model that ends
  /// soon.
  void warning(View pointer, View message) const {
    host_->warning(host_, raw(pointer), raw(message));
  }
  /// [constructor only] Claims a method and a path, in which one `*` matches one or more
  /// characters. Exchange::route() returns the id.
  int route(View method, View path) const { return host_->route(host_, raw(method), raw(path)); }
  /// [constructor only] host.route<&Self::list>(this, "GET", "/list"): calls
  /// `Status list(Exchange&, Sink&)` for such requests; handle() gets the others.
  template <auto Method, class P>
  void route(P* self, View method, View path) const {
    self->template add_route<Method, P>(route(method, path));
  }

  void debug(View message, Json fields = Json()) const { log(GH_DEBUG, nullptr, message, fields); }
  void info(View message, Json fields = Json()) const { log(GH_INFO, nullptr, message, fields); }
  void warn(View message, Json fields = Json()) const { log(GH_WARN, nullptr, message, fields); }
  void error(View message, Json fields = Json()) const { log(GH_ERROR, nullptr, message, fields); }
  /// With the id of the request.
  void log(int level, const Exchange* x, View message, Json fields = Json()) const {
    host_->log(host_, level, x ? x->raw() : nullptr, raw(message), fields.raw());
  }

  /// The same with the fields as the text of a JSON object, for records of each request.
  void log_text(int level, const Exchange* x, View message, View fields) const {
    if (GH_HAS(gh_host, host_, log_text))
      return host_->log_text(host_, level, x ? x->raw() : nullptr, raw(message), raw(fields));
    const Document parsed(detail::json->parse(raw(fields), nullptr));
    log(level, x, message, parsed.root());
  }
  /// Records of this level are written, so that their fields are worth making. The operator may
  /// change the level at any time. True if the gateway is too old to know.
  bool logs(int level) const {
    return !GH_HAS(gh_host, host_, logs) || host_->logs(host_, level) != 0;
  }

  /// The health of the instance until the next call: GH_UP, GH_DEGRADED or GH_DOWN.
  void health(int state, View reason = {}) const { host_->health(host_, state, raw(reason)); }
  /// Monotonic.
  std::chrono::nanoseconds now() const { return std::chrono::nanoseconds(host_->now_ns(host_)); }
  /// Since 1970-01-01 UTC.
  std::chrono::nanoseconds wall() const { return std::chrono::nanoseconds(host_->wall_ns(host_)); }
  /// Returns early when the client has gone, the deadline has passed or the gateway stops.
  Status sleep(const Exchange& x, std::chrono::nanoseconds time) const {
    return Status(host_->sleep(host_, x.raw(), time.count()), x.raw());
  }

  /// The table of this id, or null. Prefer the types that wrap one, such as Http.
  const void* extension(const char* id) const { return host_->extension(host_, id); }
  const gh_host* raw_host() const { return host_; }

 private:
  const gh_host* host_;
};

namespace detail {
/// [constructor only] The table of an extension that the plugin cannot do without.
template <class Api>
const Api* required(Host host, const char* id) {
  const auto* const api = static_cast<const Api*>(host.extension(id));
  if (!api) host.problem("", std::string("needs ") + id + ", which this gateway does not have");
  return api;
}
}  // namespace detail

}  // namespace v1
}  // namespace gatehouse
