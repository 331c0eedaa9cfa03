/// gatehouse.metrics/1: numbers of GET /metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "gatehouse/abi/ext/metrics.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// One series of GET /metrics. Copies are the same series. Any thread.
class Series {
 public:
  Series() = default;
  /// Finds or creates the series; see abi/ext/metrics.h for kinds and names. A look-up: do it in
  /// the constructor where the labels are known. At most 8 labels.
  Series(Host host, int kind, View name, View help,
         std::initializer_list<std::pair<View, View>> labels = {})
      : host_(host.raw_host()), api_(detail::required<gh_metrics_api>(host, GH_METRICS_1)) {
    std::array<gh_label, 8> raw_labels{};
    std::size_t count = 0;
    for (const auto& [key, value] : labels) {
      if (count < raw_labels.size()) raw_labels[count++] = {raw(key), raw(value)};
    }
    if (api_) id_ = api_->series(host_, kind, raw(name), raw(help), raw_labels.data(), count);
  }
  /// Adds to a counter, sets a gauge, counts a value in a histogram.
  void record(double value = 1) const {
    if (api_) api_->record(host_, id_, value);
  }

 private:
  const gh_host* host_ = nullptr;
  const gh_metrics_api* api_ = nullptr;
  std::int32_t id_ = -1;
};

}  // namespace v1
}  // namespace gatehouse
