#pragma once

#include <set>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/upstream_failure.hpp"

namespace gatehouse::plugins::gemini {

/// A failure of Gemini, with what it means for the next request.
struct GeminiFailure : UpstreamFailure {
  /// What of the same request can be repaired at once.
  enum class Repair { none, signatures, tools };

  GeminiFailure() = default;
  GeminiFailure(UpstreamFailure failure) : UpstreamFailure(std::move(failure)) {}

  Repair repair = Repair::none;
  /// Of Repair::tools: the declarations that Gemini names, by their index; empty: it names none.
  std::set<std::size_t> tools{};
  bool once = false;        ///< A second attempt may succeed, a third will not.
  bool model_gone = false;  ///< For good, or for this key.
};

/// Of an error of Gemini: the body of a response with another status than 200, or an event of a
/// stream (`http_status` 200). The detail is not shortened yet and may hold the key.
GeminiFailure failure_of(std::int64_t http_status, Json error);
/// A response that is not what the Gemini API promises.
GeminiFailure malformed(View what);

}  // namespace gatehouse::plugins::gemini
