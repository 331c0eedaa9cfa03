#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// The longest message that is taken from a server: four times the default of max_result.
inline constexpr std::size_t kMaxMessage = 4u << 20;

/// The id of a message, as an answer repeats it: some servers make a text or a fraction of it.
std::optional<std::int64_t> id_of(Json message);

/// The id of the answer that a text is that cannot be read; of a long one, the beginning and the
/// end are enough. Nothing: it has none, or is no answer.
std::optional<std::int64_t> id_of_unreadable(View begin, View end);

/// Of a notification of progress: the id of the request that makes it, which is its token.
std::optional<std::int64_t> id_of_progress(Json message);

/// Why a text of so many bytes is no message, as the end of a sentence.
std::string why_unreadable(View text, std::size_t bytes);

/// Calls f(Document) for a message, or for each of several (2025-03-26 allows batches).
template <class F>
void each_message(Document document, F f) {
  if (!document.root().is_array()) return f(std::move(document));
  for (const Json message : document.root()) {
    Document one;
    one.root().set(message);
    f(std::move(one));
  }
}

}  // namespace gatehouse::plugins::mcp
