#pragma once

#include <algorithm>
#include <array>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// Token counts of an answer. Gemini counts as it goes, and anew in each request that an answer
/// takes.
class Usage {
 public:
  /// `as_ai_sdk_5`: output without thoughts, input without what Google's own tools read.
  explicit Usage(bool as_ai_sdk_5) : as_ai_sdk_5_(as_ai_sdk_5) {}

  /// The usageMetadata of an event: replaces what the request had before.
  void read(Json metadata);
  /// What follows is of another request.
  void begin_request();
  /// All requests and, in the words of a usage event, `before` them.
  Document counts(Json before) const;

  /// Of all requests, as they are billed. -1: not known.
  std::int64_t input_tokens() const { return sum(0); }
  std::int64_t output_tokens() const { return as_ai_sdk_5_ ? plus(sum(1), sum(3)) : sum(1); }

 private:
  using Counts = std::array<std::int64_t, 5>;  // as in kNames; -1: not known
  static constexpr std::array<View, 5> kNames = {"input_tokens", "output_tokens", "total_tokens",
                                                 "reasoning_tokens", "cached_input_tokens"};
  static constexpr Counts kUnknown = {-1, -1, -1, -1, -1};

  static std::int64_t plus(std::int64_t a, std::int64_t b) { return a < 0 ? b : b < 0 ? a : a + b; }
  std::int64_t sum(std::size_t i) const { return plus(earlier_[i], now_[i]); }

  const bool as_ai_sdk_5_;
  Counts earlier_ = kUnknown;  // requests
  Counts now_ = kUnknown;
};

}  // namespace gatehouse::plugins::gemini
