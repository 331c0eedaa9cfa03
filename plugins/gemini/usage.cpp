#include "usage.h"

#include <utility>

namespace gatehouse::plugins::gemini {
namespace {

std::int64_t plus(std::int64_t a, std::int64_t b) {  // negative: not known
  if (a < 0) return b;
  return b < 0 ? a : a + b;
}

}  // namespace

void Usage::read(Json metadata) {
  constexpr std::pair<View, std::int64_t Reported::*> kCounts[] = {
      {"promptTokenCount", &Reported::prompt},
      {"toolUsePromptTokenCount", &Reported::tool_prompt},
      {"cachedContentTokenCount", &Reported::cached},
      {"candidatesTokenCount", &Reported::candidates},
      {"thoughtsTokenCount", &Reported::thoughts},
      {"totalTokenCount", &Reported::total}};
  if (!metadata.is_object()) return;
  now_ = {};
  for (const auto [name, value] : metadata.members()) {
    for (const auto& [known, count] : kCounts) {
      if (name != known) continue;
      const std::int64_t given = value.integer(-1);
      now_.*count = TokenCounts::is_plausible(given) ? given : -1;
    }
  }
}

TokenCounts Usage::of_request() const {
  std::int64_t input = now_.prompt, output = now_.candidates, total = now_.total;
  if (!as_ai_sdk_5_) {
    input = plus(input, now_.tool_prompt);
    output = plus(output, now_.thoughts);
    if (total >= 0 || (input >= 0 && output >= 0)) total = plus(input, output);
  }
  TokenCounts counts;
  counts.set("input_tokens", input);
  counts.set("output_tokens", output);
  counts.set("total_tokens", total);
  counts.set("reasoning_tokens", now_.thoughts);
  counts.set("cached_input_tokens", now_.cached);
  return counts;
}

void Usage::begin_request() {
  earlier_ = counts();
  now_ = {};
}

TokenCounts Usage::billed() const {
  TokenCounts counts = this->counts();
  const auto count = [&](View name) { return counts[name].value_or(-1); };
  if (as_ai_sdk_5_)
    counts.set("output_tokens", plus(count("output_tokens"), count("reasoning_tokens")));
  return counts;
}

}  // namespace gatehouse::plugins::gemini
