#include "health.h"

#include <cstdio>
#include <ctime>

#include "schema.h"

namespace gatehouse {

Status Health::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() != route_) return next(x, out);

  const auto wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(host_.wall()).count();
  const auto uptime_ms = std::chrono::duration_cast<std::chrono::milliseconds>(host_.now() - started_).count();
  const std::time_t seconds = wall_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char date[sizeof "2025-01-31T00:00:00"];
  std::strftime(date, sizeof date, "%FT%T", &utc);
  char body[128];
  const int length = std::snprintf(body, sizeof body, R"({"status":"healthy","timestamp":"%s.%03dZ","uptime":%lld})", date,
                                   static_cast<int>(wall_ms % 1000), static_cast<long long>(uptime_ms));
  x.set_header("Cache-Control", "no-store");
  return x.reply(out, 200, "application/json", View(body, static_cast<std::size_t>(length)));
}

}  // namespace gatehouse

GATEHOUSE_PLUGIN(gatehouse::Health, "health", "1.0.0", "GET /health: is the gateway up, and since when", GATEHOUSE_SCHEMA, 0)
