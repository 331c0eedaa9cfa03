#include "usage.h"

#include <algorithm>

namespace gatehouse::plugins::gemini {

Usage::Counts Usage::of_request() const {
  if (!event_) return kUnknown;
  const Json metadata = event_->root()["usageMetadata"];
  // No count of a real response comes near 2^40; sums of what an upstream makes up must not
  // overflow.
  const auto count = [&](View name) {
    return std::clamp(metadata[name].integer(-1), std::int64_t{-1}, std::int64_t{1} << 40);
  };
  std::int64_t input = count("promptTokenCount"), output = count("candidatesTokenCount");
  std::int64_t total = count("totalTokenCount");
  const std::int64_t thoughts = count("thoughtsTokenCount");
  if (!as_ai_sdk_5_) {
    input = plus(input, count("toolUsePromptTokenCount"));
    output = plus(output, thoughts);
    if (total >= 0 || (input >= 0 && output >= 0)) total = plus(input, output);
  }
  return {input, output, total, thoughts, count("cachedContentTokenCount")};
}

Usage::Counts Usage::sum() const {
  Counts all = of_request();
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = plus(earlier_[i], all[i]);
  return all;
}

void Usage::begin_request() {
  earlier_ = sum();
  event_.reset();
}

TokenCounts Usage::counts() const {
  const Counts all = sum();
  TokenCounts counts;
  for (std::size_t i = 0; i < all.size(); ++i) counts.set(kNames[i], all[i]);
  return counts;
}

TokenCounts Usage::billed() const {
  TokenCounts counts = this->counts();
  const auto count = [&](View name) { return counts[name].value_or(-1); };
  if (as_ai_sdk_5_)
    counts.set("output_tokens", plus(count("output_tokens"), count("reasoning_tokens")));
  return counts;
}

}  // namespace gatehouse::plugins::gemini
