#include "usage.h"

namespace gatehouse::plugins::gemini {

void Usage::read(Json metadata) {
  if (!metadata.is_object()) return;
  // No count of a real answer comes near 2^40; sums of what an upstream makes up must not overflow.
  const auto count = [&](View name) {
    return std::clamp(metadata[name].integer(-1), std::int64_t{-1}, std::int64_t{1} << 40);
  };
  std::int64_t input = count("promptTokenCount"), output = count("candidatesTokenCount");
  const std::int64_t thoughts = count("thoughtsTokenCount");
  if (!as_ai_sdk_5_) {
    input = plus(input, count("toolUsePromptTokenCount"));
    output = plus(output, thoughts);
  }
  now_ = {input, output, count("totalTokenCount"), thoughts, count("cachedContentTokenCount")};
}

void Usage::begin_request() {
  for (std::size_t i = 0; i < kNames.size(); ++i) earlier_[i] = sum(i);
  now_ = kUnknown;
}

Document Usage::counts(Json before) const {
  Document counts;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::int64_t tokens = plus(before[kNames[i]].integer(-1), sum(i));
    if (tokens >= 0) counts.root().edit(kNames[i]).set(tokens);
  }
  return counts;
}

}  // namespace gatehouse::plugins::gemini
