#include "usage.h"

namespace gatehouse::plugins::gemini {

void Usage::read(Json metadata) {
  if (!metadata.is_object()) return;
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
  now_ = {input, output, total, thoughts, count("cachedContentTokenCount")};
}

void Usage::begin_request() {
  for (std::size_t i = 0; i < kNames.size(); ++i) earlier_[i] = sum(i);
  now_ = kUnknown;
}

TokenCounts Usage::counts() const {
  TokenCounts counts;
  for (std::size_t i = 0; i < kNames.size(); ++i) counts.set(kNames[i], sum(i));
  return counts;
}

TokenCounts Usage::billed() const {
  TokenCounts counts = this->counts();
  if (as_ai_sdk_5_) counts.set("output_tokens", plus(sum(1), sum(3)));
  return counts;
}

}  // namespace gatehouse::plugins::gemini
