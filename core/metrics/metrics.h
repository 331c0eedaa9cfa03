#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::core {

/// The numbers that GET /metrics shows: families of series, told apart by their labels. Any thread.
class Metrics {
 public:
  /// The numbers are those of GH_COUNTER to GH_TOKENS.
  enum Kind { kCounter, kGauge, kSeconds, kTokens };
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  Metrics();
  ~Metrics();

  /// Finds or creates a series. -1: `name` or a label's name is not a legal one, or the kind, the
  /// help or the names of the labels are not those of the family, or there are too many series.
  std::int32_t series(Kind kind, std::string_view name, std::string_view help,
                      const Labels& labels);
  /// Adds to a counter, sets a gauge, counts in a histogram. What is no number, or negative for a
  /// counter, is left out.
  void record(std::int32_t series, double value);
  /// For counters whose sum is kept elsewhere.
  void set(std::int32_t series, double value);
  /// Appends all of it in the Prometheus text format 0.0.4.
  void write(std::string& out) const;

 private:
  static constexpr std::size_t kMost = 4096;  // series in all; one is 32 to 200 bytes
  static constexpr std::size_t kMostOfOneName =
      200;  // further ones are counted together: a label that grows is a mistake
  struct Series;
  struct Family;

  Family* find(Kind kind, std::string_view name, std::string_view help, const Labels& labels,
               bool& fits) const;
  static std::int32_t find(const Family& in, const std::string& labels);

  mutable std::shared_mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_;  // guarded by mutex_
  std::int32_t count_ = 0;                         // guarded by mutex_
  std::unique_ptr<std::array<std::atomic<Series*>, kMost>>
      all_;  // written under mutex_, read without
};

}  // namespace gatehouse::core
