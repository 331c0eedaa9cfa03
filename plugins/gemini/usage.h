#pragma once

#include <cstdint>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/token_counts.hpp"

namespace gatehouse::plugins::gemini {

/// Token counts of a response. Gemini counts up during a request, and anew in each request that a
/// response takes, so of each request the last ones count.
class Usage {
 public:
  /// `as_ai_sdk_5`: output without thoughts, input without what Google's tools read, and the total
  /// as Gemini has it.
  explicit Usage(bool as_ai_sdk_5) : as_ai_sdk_5_(as_ai_sdk_5) {}

  /// The usageMetadata of an event: replaces what the request had before.
  void read(Json metadata);
  /// The events that follow belong to another request.
  void begin_request();
  /// Of all requests, as in GH_EV_USAGE.
  TokenCounts counts() const { return earlier_ + of_request(); }
  /// The same as they are billed.
  TokenCounts billed() const;

 private:
  /// As Gemini counts; negative: not known.
  struct Reported {
    std::int64_t prompt = -1, tool_prompt = -1, cached = -1;
    std::int64_t candidates = -1, thoughts = -1;
    std::int64_t total = -1;
  };
  TokenCounts of_request() const;

  const bool as_ai_sdk_5_;
  TokenCounts earlier_;  // of the requests before this one
  Reported now_;
};

}  // namespace gatehouse::plugins::gemini
