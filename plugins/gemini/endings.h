#pragma once

#include <string>
#include <variant>

#include "failures.h"

namespace gatehouse::plugins::gemini {

/// How a response ended, in Gemini's words, and what was emitted of it until then.
struct Ending {
  std::string reason;                  ///< finishReason; empty: there was none.
  bool blocked = false;                ///< The prompt was.
  bool has_content = false;            ///< Text, a file, code or a call was emitted.
  bool calls = false;                  ///< A call of a function was emitted.
  bool code = false;                   ///< Google ran code.
  bool after_result = false;           ///< The request ended with results of functions.
  bool tried_before = false;           ///< It was not the first attempt.
  std::int64_t max_output_tokens = 0;  ///< 0: the request named none.
};

/// Whether its meaning is known here.
bool is_known_reason(View finish_reason);

/// The finish reason of the step; or why there was no response.
std::variant<View, UpstreamFailure> judge(const Ending& ending);

/// The finish reason of the step as AI SDK 5 reads Gemini: whatever ended is a response.
View judge_as_ai_sdk_5(const Ending& ending);

}  // namespace gatehouse::plugins::gemini
