#include "core/pipeline/instance.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "core/exchange/exchange.h"
#include "core/json/json.h"
#include "core/pipeline/http_table.h"
#include "core/version.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {

Instance::Instance(const gh_plugin& plugin, std::string name, std::string_view config, Log& log_to, const Creation& creation)
    : gh_host{}, plugin_(plugin), name_(std::move(name)), log_(log_to) {
  gh_host& host = *this;
  host.size = sizeof(gh_host);
  host.abi_major = GH_ABI_MAJOR;
  host.abi_minor = GH_ABI_MINOR;
  host.version = raw(kVersion);
  host.instance = raw(name_);
  host.json = &json_api();
  host.exchange = &exchange_api();
  host.problem = [](const gh_host* h, gh_str pointer, gh_str text) {
    const Instance& i = of(h);
    if (i.creation_) i.creation_->problem(view(pointer), view(text));
  };
  host.route = [](const gh_host* h, gh_str method, gh_str path) -> std::int32_t {
    const Instance& i = of(h);
    if (!i.creation_) return -1;
    auto& routes = i.creation_->routes;
    for (const Route& r : routes) {
      if (r.method == view(method) && r.path == view(path)) i.creation_->problem("", r.method + " " + r.path + " is already answered by another plugin of this pipeline");
    }
    routes.push_back({std::string(view(method)), std::string(view(path))});
    return static_cast<std::int32_t>(routes.size() - 1);
  };
  host.log = [](const gh_host* h, int level, gh_exchange* x, gh_str message, const gh_json* fields) {
    const Instance& i = of(h);
    const Level l = level >= GH_ERROR ? Level::kError : level == GH_WARN ? Level::kWarn : level == GH_INFO ? Level::kInfo : Level::kDebug;
    if (!i.log_.enabled(l)) return;
    std::string text;
    if (fields) core::dump(fields, text);
    i.log_.write(l, i.name_, x ? std::string_view(Exchange::of(x).request_id()) : std::string_view(), view(message), text);
  };
  host.health = [](const gh_host* h, int state, gh_str reason) { of(h).set_health(state, view(reason)); };
  host.now_ns = [](const gh_host*) -> std::int64_t { return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count(); };
  host.wall_ns = [](const gh_host*) -> std::int64_t {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  host.sleep = [](const gh_host*, gh_exchange* x, std::int64_t ns) {
    Waiter& waiter = Exchange::of(x).waiter();
    const std::chrono::nanoseconds time(std::clamp<std::int64_t>(ns, 0, std::chrono::nanoseconds(std::chrono::hours(24 * 365)).count()));
    return Exchange::as_status(waiter.wait(-1, 0, Clock::now() + time));
  };
  host.extension = [](const gh_host*, const char* id) -> const void* { return std::string_view(id) == GH_HTTP_1 ? &http_table() : nullptr; };

  JsonArena arena;
  std::string_view error;
  bool told = false;
  const Creation watched{creation.routes, [&](std::string_view pointer, std::string_view text) {
                           told = true;
                           creation.problem(pointer, text);
                         }};
  creation_ = &watched;
  const gh_status status = plugin_.create(this, arena.parse(config, error), &self_);
  creation_ = nullptr;
  if (status != GH_OK && !told) creation.problem("", "the plugin could not be created, and did not say why");
}

Instance::~Instance() {
  if (self_) plugin_.destroy(self_);
}

void Instance::adopt(const Instance& older) {
  if (&plugin_ == &older.plugin_ && plugin_.adopt && plugin_.adopt(self_, older.self_) != GH_OK) {
    log_.write(Level::kWarn, name_, {}, "the state of the instance before the reload could not be taken over", {});
  }
}

void Instance::set_health(int state, std::string_view reason) const {
  if (health_.exchange(state, std::memory_order_relaxed) == state) return;
  std::string fields = "{\"reason\":";
  quote(fields, reason);
  fields += '}';
  constexpr const char* kWords[] = {"healthy again", "degraded", "down"};
  log_.write(state == GH_UP ? Level::kInfo : Level::kWarn, name_, {}, kWords[std::clamp(state, 0, 2)], fields);
}

}  // namespace gatehouse::core
