#pragma once

#include <string>
#include <variant>

#include "failures.h"

namespace gatehouse::plugins::gemini {

/// How an answer of Gemini ended, in Gemini's words, and what there was to see of it until then.
struct Ending {
  std::string reason;                  ///< finishReason; empty: none came.
  bool blocked = false;                ///< The prompt was.
  bool said = false;                   ///< Text, a file, code or a call came.
  bool calls = false;                  ///< A call of a function came.
  bool code = false;                   ///< Google ran code.
  bool after_result = false;           ///< The request ended with results of functions.
  bool tried_before = false;           ///< It was not the first attempt.
  std::int64_t max_output_tokens = 0;  ///< 0: the request named none.
};

/// What it means is known here.
bool is_known_reason(View finish_reason);

/// What step-finish says; or why this is no answer.
std::variant<View, GeminiFailure> judge(const Ending& ending);

/// What step-finish says where AI SDK 5 reads Gemini's answers: whatever came is an answer.
View judge_as_ai_sdk_5(const Ending& ending);

}  // namespace gatehouse::plugins::gemini
