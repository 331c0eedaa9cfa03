#pragma once

#include <optional>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/token_counts.hpp"

namespace gatehouse::plugins::gemini {

/// Token counts of a response. Gemini counts up during a request, and anew in each request that a
/// response takes. So of each request only the last counts are looked at, once they are wanted.
class Usage {
 public:
  /// `as_ai_sdk_5`: output without thoughts, input without what Google's tools read, and the total
  /// as Gemini has it.
  explicit Usage(bool as_ai_sdk_5) : as_ai_sdk_5_(as_ai_sdk_5) {}

  /// An event with usageMetadata, which replaces what the request had before.
  void keep(Document event) { event_ = std::move(event); }
  /// The events that follow belong to another request.
  void begin_request();
  /// Of all requests, as in GH_EV_USAGE.
  TokenCounts counts() const { return earlier_ + of_request(); }
  /// The same as they are billed.
  TokenCounts billed() const;

 private:
  TokenCounts of_request() const;

  const bool as_ai_sdk_5_;
  TokenCounts earlier_;            // of the requests before this one
  std::optional<Document> event_;  // the last one of this request
};

}  // namespace gatehouse::plugins::gemini
