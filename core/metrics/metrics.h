#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::core {

/// The numbers that GET /metrics returns: families of series, which differ in their labels. Any
/// thread.
class Metrics {
 public:
  /// With the values of GH_COUNTER to GH_TOKENS.
  enum Kind { kCounter, kGauge, kSeconds, kTokens };
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  Metrics();
  ~Metrics();

  /// The id of a series, which is found or created. -1: `name` or the name of a label is invalid,
  /// the kind differs from that of the family, or there are too many series. The last `help` of a
  /// family is written, and series may have other labels than older ones, as plugins are replaced.
  std::int32_t series(Kind kind, std::string_view name, std::string_view help,
                      const Labels& labels);
  /// Adds to a counter, sets a gauge, counts in a histogram. Ignores NaN, and negative values for a
  /// counter.
  void record(std::int32_t id, double value);
  /// For counters whose sum is kept elsewhere.
  void set(std::int32_t id, double value);
  /// Appends all of them in the Prometheus text format 0.0.4.
  void write(std::string& out) const;

 private:
  friend class Gauges;
  static constexpr std::size_t kMost = 4096;  // series in all; one takes 200 to 700 bytes
  // Further series of a name are counted together: a label that grows without bound is a mistake.
  static constexpr std::size_t kMostOfOneName = 200;
  struct Series;
  struct Family;

  Family* find(std::string_view name) const;
  Family& add_family(Kind kind, std::string_view name);
  std::int32_t add_series(Family& family, const Labels& labels);
  void add_owner(std::int32_t id);
  void remove_owner(std::int32_t id);

  mutable std::shared_mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_;  // guarded by mutex_
  std::int32_t count_ = 0;                         // guarded by mutex_
  // Written under mutex_, read without.
  std::unique_ptr<std::array<std::atomic<Series*>, kMost>> all_;
};

/// The gauges of one owner. A gauge that has had owners is written as long as it has one; the next
/// one finds it at 0. Any thread.
class Gauges {
 public:
  explicit Gauges(Metrics& metrics) : metrics_(metrics) {}
  ~Gauges();
  Gauges(const Gauges&) = delete;
  Gauges& operator=(const Gauges&) = delete;

  void own(std::int32_t gauge);

 private:
  Metrics& metrics_;
  std::mutex mutex_;
  std::set<std::int32_t> owned_;  // guarded by mutex_
};

}  // namespace gatehouse::core
