/// What authors of C++ plugins include: gatehouse/abi.h with types, ownership and errors, one
/// header per idea. C++17, header-only; nothing of it crosses the boundary, so any compiler and
/// standard library will do. sdk/README.md has a plugin in 30 lines.
///
/// Objects here are views of what the host owns unless they say otherwise; they are cheap to copy
/// and live as long as abi.h says. A plugin reports errors by returning them; an exception that
/// escapes becomes a 500 that names the plugin.
#pragma once

#include <utility>
#include <vector>

#include "gatehouse/abi.h"
#include "gatehouse/admin.hpp"
#include "gatehouse/background.hpp"
#include "gatehouse/client.hpp"
#include "gatehouse/counters.hpp"
#include "gatehouse/crypto.hpp"
#include "gatehouse/document.hpp"
#include "gatehouse/event.hpp"
#include "gatehouse/events.hpp"
#include "gatehouse/exchange.hpp"
#include "gatehouse/failures.hpp"
#include "gatehouse/files.hpp"
#include "gatehouse/gateway.hpp"
#include "gatehouse/glue.hpp"
#include "gatehouse/host.hpp"
#include "gatehouse/http.hpp"
#include "gatehouse/json.hpp"
#include "gatehouse/metrics.hpp"
#include "gatehouse/models.hpp"
#include "gatehouse/next.hpp"
#include "gatehouse/openapi.hpp"
#include "gatehouse/share.hpp"
#include "gatehouse/status.hpp"
#include "gatehouse/store.hpp"
#include "gatehouse/text.hpp"
#include "gatehouse/trace.hpp"
#include "gatehouse/wait.hpp"

namespace gatehouse {
inline namespace v1 {

/// A plugin. Its constructor takes (Host, Json config) and runs on the control thread; handle()
/// runs on many threads at once, so a member needs a lock or a reason not to. Optional, see
/// gh_plugin: void adopt(Derived& older), called on a reload with the same code; std::string save()
/// and bool restore(View saved), called on a reload with other code, where false means that the
/// format is not known; void refused(Exchange&), called on many threads at once for requests that
/// the server rejects itself.
class Plugin {
 public:
  virtual ~Plugin() = default;
  /// A request that none of its routed members answers. A plugin that does not override it gets
  /// none of those.
  virtual Status handle(Exchange& x, Sink& out, Next& next) { return next(x, out); }

  /// For the host: calls the member that was routed to, or handle().
  Status serve(Exchange& x, Sink& out, Next& next) {
    if (!routes_.empty()) {
      const int id = x.route();
      for (const auto& [route, member] : routes_) {
        if (route == id) return member(*this, x, out);
      }
    }
    return handle(x, out, next);
  }
  /// For Host::route() and admin_route().
  template <auto Method, class P>
  void add_route(int id) {
    routes_.emplace_back(id, [](Plugin& self, Exchange& x, Sink& out) -> Status {
      return (static_cast<P&>(self).*Method)(x, out);
    });
  }

 private:
  std::vector<std::pair<int, Status (*)(Plugin&, Exchange&, Sink&)>> routes_;
};

}  // namespace v1
}  // namespace gatehouse

/// Once per plugin, outside any namespace. NAME, VERSION, SUMMARY and SCHEMA are string literals;
/// gatehouse_add_plugin() makes GATEHOUSE_SCHEMA from schema.json. FLAGS: 0, or GH_PLUGIN_...
/// joined by |. With GATEHOUSE_STATIC defined the plugin is linked into a test: the symbol is then
/// a static one and there is no note.
#ifdef GATEHOUSE_STATIC
#define GATEHOUSE_PLUGIN(P, NAME, VERSION, SUMMARY, SCHEMA, FLAGS)     \
  [[maybe_unused]] static const gh_plugin gatehouse_plugin_v1_static = \
      ::gatehouse::detail::Glue<P>::describe(NAME, VERSION, SUMMARY, SCHEMA, nullptr, FLAGS);
#else
#define GATEHOUSE_PLUGIN(P, NAME, VERSION, SUMMARY, SCHEMA, FLAGS)                                \
  static_assert(::gatehouse::detail::is_name(NAME),                                               \
                "the name of a plugin has letters, digits, - and _, at most 64");                 \
  static_assert(::gatehouse::detail::is_plain(VERSION) && ::gatehouse::detail::is_plain(SUMMARY), \
                "version and summary have no quotation marks, backslashes and line ends");        \
  static_assert(::gatehouse::detail::is_object(SCHEMA),                                           \
                "the schema is a JSON object: GATEHOUSE_SCHEMA, or {\"type\": \"object\"}");      \
  extern "C" GATEHOUSE_NOTE(NAME, VERSION, SUMMARY, SCHEMA);                                      \
  extern "C" GH_EXPORT const gh_plugin gatehouse_plugin_v1 =                                      \
      ::gatehouse::detail::Glue<P>::describe(NAME, VERSION, SUMMARY, SCHEMA, gatehouse_note,      \
                                             FLAGS);
#endif
