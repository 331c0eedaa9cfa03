#pragma once

#include "gatehouse/toolkit/provider.hpp"

namespace gatehouse::plugins::openai {

/// What servers of this API have in different ways. A preset of dialects.json has defaults for the
/// settings of the same names.
struct Dialect {
  explicit Dialect(Json config);

  std::string base_url;
  std::string api_version;      ///< Of Azure; empty: the URL shape is OpenAI's.
  std::string limit;            ///< The member for the most output tokens.
  std::string reasoning_field;  ///< In messages of the history; empty: none.
  bool empty_reasoning;         ///< Messages with calls have it even if it is empty.
  bool short_ids;               ///< Ids of calls are 9 letters and digits.
  bool effort;  ///< All models take reasoning_effort, not only OpenAI's reasoning models.
  bool stream_options;
  std::size_t max_tools;  ///< 0: any number.

  /// The path of an operation on a model, such as "/chat/completions".
  std::string path(View operation, View model) const;
};

/// OpenAI's reasoning models take no sampling parameters, and have their own name for the limit.
bool is_reasoning_model(View model);
/// The oldest of them, o1 to o4: they take no parallel_tool_calls.
bool is_o_series(View model);
/// The level of `reasoning` of a chat, as far as a reasoning model of OpenAI accepts it, or a
/// server of another; empty: the chat names none.
View effort_of(View model, Json reasoning);

}  // namespace gatehouse::plugins::openai
