#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace gatehouse::plugins::console {

/// What the charts of the last hour show, in steps of ten seconds: counts and distributions in
/// memory whose size is fixed. Any thread; times are those since 1970.
class History {
 public:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds kStep = std::chrono::seconds(10);
  static constexpr std::int64_t kSteps = 360;

  /// A request that has ended.
  struct Sample {
    bool is_chat = false, has_failed = false;
    double took_ms = 0, first_token_ms = 0;  // the latter: 0 if it had none
    std::int64_t input_tokens = 0, output_tokens = 0;
    double usd = 0;
  };
  void add(milliseconds now, const Sample& sample);
  /// Appends a JSON object with an array for each quantity, from the oldest step to that of `now`.
  void write(milliseconds now, std::string& out) const;

 private:
  /// Of times: from 1 ms on, each bound is the square root of 2 times the one before, to 185 s.
  struct Distribution {
    static constexpr int kBounds = 36;
    std::array<std::atomic<std::uint32_t>, kBounds> counts{};

    void add(double ms);
    /// In ms, off by at most a fifth; -1: there is none.
    double quantile(double share) const;
    void clear();
  };
  struct Step {
    std::atomic<std::int64_t> number{-1};  // steps since 1970
    std::atomic<std::uint32_t> requests{0}, failures{0}, chats{0};
    std::atomic<std::int64_t> input_tokens{0}, output_tokens{0}, nano_usd{0};
    Distribution took, first_token;  // of chats

    void clear();
  };
  Step& step_of(std::int64_t number);

  std::mutex begin_mutex_;  // only one request begins a step
  std::array<Step, kSteps> steps_;
};

}  // namespace gatehouse::plugins::console
