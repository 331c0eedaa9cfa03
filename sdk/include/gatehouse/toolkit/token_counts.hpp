/// Token counts of a step or a response.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "gatehouse/document.hpp"

namespace gatehouse {
inline namespace v1 {

/// Token counts of a step or a response, by the names of GH_EV_USAGE. Absent: no provider reported
/// it.
class TokenCounts {
 public:
  static constexpr std::array<View, 6> kNames = {"input_tokens",        "output_tokens",
                                                 "total_tokens",        "reasoning_tokens",
                                                 "cached_input_tokens", "cache_write_tokens"};

  TokenCounts() = default;
  explicit TokenCounts(Json usage) {
    for (const View name : kNames) set(name, usage[name].integer(-1));
  }
  /// Whether a response may have so many: at most far more than any model, and far from where sums
  /// overflow.
  static constexpr bool is_plausible(std::int64_t tokens) {
    return tokens >= 0 && tokens <= 1'000'000'000'000;
  }
  /// A count that is not plausible, such as a negative one, changes nothing.
  void set(View name, std::int64_t tokens) {
    if (!is_plausible(tokens)) return;
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (kNames[i] == name) counts_[i] = tokens;
    }
  }
  std::optional<std::int64_t> operator[](View name) const {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (kNames[i] == name) return counts_[i];
    }
    return std::nullopt;
  }
  TokenCounts operator+(const TokenCounts& other) const {
    TokenCounts sum = other;
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (counts_[i]) sum.counts_[i] = *counts_[i] + other.counts_[i].value_or(0);
    }
    return sum;
  }
  /// Writes those that are known as members.
  void write(MutableJson usage) const {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (counts_[i]) usage.edit(kNames[i]).set(*counts_[i]);
    }
  }

 private:
  std::array<std::optional<std::int64_t>, kNames.size()> counts_;
};

}  // namespace v1
}  // namespace gatehouse
