#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "core/exchange/exchange.h"
#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "core/json/json.h"
#include "core/version.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using std::chrono::nanoseconds;

void problem(const gh_host* host, gh_str pointer, gh_str text) {
  Instance::of(host).problem(view(pointer), view(text));
}

void warning(const gh_host* host, gh_str pointer, gh_str text) {
  Instance::of(host).warning(view(pointer), view(text));
}

std::int32_t route(const gh_host* host, gh_str method, gh_str path) {
  return Instance::of(host).add_route(view(method), view(path));
}

Level level_of(int level) {
  constexpr Level kLevels[] = {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError};
  return kLevels[std::clamp(level, int{GH_DEBUG}, int{GH_ERROR})];
}

int logs(const gh_host* host, int level) { return Instance::of(host).logs(level_of(level)); }

void log_text(const gh_host* host, int level, gh_exchange* x, gh_str message, gh_str fields) {
  const std::string_view request = x ? Exchange::of(x).request_id() : std::string_view();
  Instance::of(host).log(level_of(level), request, view(message), view(fields));
}

void log(const gh_host* host, int level, gh_exchange* x, gh_str message, const gh_json* fields) {
  if (!logs(host, level)) return;
  std::string text;
  if (fields) dump(fields, text);
  log_text(host, level, x, message, raw(text));
}

void health(const gh_host* host, int state, gh_str reason) {
  Instance::of(host).set_health(state, view(reason));
}

std::int64_t now_ns(const gh_host*) { return nanoseconds(Clock::now().time_since_epoch()).count(); }

std::int64_t wall_ns(const gh_host*) {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<nanoseconds>(since_1970).count();
}

gh_status sleep(const gh_host*, gh_exchange* x, std::int64_t ns) {
  return Exchange::as_status(Exchange::of(x).waiter().wait(-1, 0, Clock::now() + bounded(ns)));
}

const void* extension(const gh_host*, const char* id) {
  struct Extension {
    std::string_view id;
    const void* table;
  };
  static const Extension kTables[] = {
      {GH_ADMIN_1, &admin_table()},     {GH_BACKGROUND_1, &background_table()},
      {GH_CLIENT_1, &client_table()},   {GH_COUNTERS_1, &counters_table()},
      {GH_CRYPTO_1, &crypto_table()},   {GH_FAILURES_1, &failures_table()},
      {GH_FILES_1, &files_table()},     {GH_HTTP_1, &http_table()},
      {GH_METRICS_1, &metrics_table()}, {GH_MODELS_1, &models_table()},
      {GH_OPENAPI_1, &openapi_table()}, {GH_SHARE_1, &share_table()},
      {GH_STATUS_1, &status_table()},   {GH_STORE_1, &store_table()},
      {GH_TRACE_1, &trace_table()},     {GH_WAIT_1, &wait_table()}};
  const std::string_view wanted(id);
  for (const Extension& known : kTables) {
    if (known.id == wanted) return known.table;
  }
  return nullptr;
}

}  // namespace

void fill_host(gh_host& host) {
  host = {.size = sizeof(gh_host),
          .abi_major = GH_ABI_MAJOR,
          .abi_minor = GH_ABI_MINOR,
          .version = raw(kVersion),
          .instance = {},
          .json = &json_api(),
          .exchange = &exchange_table(),
          .problem = guarded<problem>,
          .warning = guarded<warning>,
          .route = guarded<route, -1>,
          .log = guarded<log>,
          .health = guarded<health>,
          .now_ns = now_ns,
          .wall_ns = wall_ns,
          .sleep = guarded<sleep, GH_UNAVAILABLE>,
          .extension = extension,
          .exposed = 0,
          .reserved = 0,
          .logs = logs,
          .log_text = guarded<log_text>};
}

}  // namespace gatehouse::core
