#include "usage.h"

#include <algorithm>

namespace gatehouse::plugins::gemini {

namespace {

std::int64_t plus(std::int64_t a, std::int64_t b) {  // negative: not known
  if (a < 0) return b;
  return b < 0 ? a : a + b;
}

}  // namespace

TokenCounts Usage::of_request() const {
  TokenCounts counts;
  if (!event_) return counts;
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
  counts.set("input_tokens", input);
  counts.set("output_tokens", output);
  counts.set("total_tokens", total);
  counts.set("reasoning_tokens", thoughts);
  counts.set("cached_input_tokens", count("cachedContentTokenCount"));
  return counts;
}

void Usage::begin_request() {
  earlier_ = counts();
  event_.reset();
}

TokenCounts Usage::billed() const {
  TokenCounts counts = this->counts();
  const auto count = [&](View name) { return counts[name].value_or(-1); };
  if (as_ai_sdk_5_)
    counts.set("output_tokens", plus(count("output_tokens"), count("reasoning_tokens")));
  return counts;
}

}  // namespace gatehouse::plugins::gemini
