#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "core/metrics/metrics.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

Metrics& metrics_of(const gh_host* host) {
  return Instance::of(host).surroundings().gateway.metrics;
}

std::int32_t series(const gh_host* host, int kind, gh_str name, gh_str help, const gh_label* labels,
                    std::size_t count) {
  if (kind < GH_COUNTER || kind > GH_TOKENS) return -1;
  Metrics::Labels list;
  list.reserve(count);
  for (const gh_label* l = labels; l != labels + count; ++l)
    list.emplace_back(view(l->name), view(l->value));
  const auto id =
      metrics_of(host).series(static_cast<Metrics::Kind>(kind), view(name), view(help), list);
  if (kind == GH_GAUGE) Instance::of(host).own_gauge(id);
  return id;
}

void record(const gh_host* host, std::int32_t id, double value) {
  metrics_of(host).record(id, value);
}

}  // namespace

const gh_metrics_api& metrics_table() {
  static constexpr gh_metrics_api kTable = {.size = sizeof kTable,
                                            .reserved = 0,
                                            .series = guarded<series, -1>,
                                            .record = guarded<record>};
  return kTable;
}

}  // namespace gatehouse::core
