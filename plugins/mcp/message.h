#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// The longest message that is accepted from a server: four times the default of max_result.
inline constexpr std::size_t kMaxMessage = 4u << 20;

/// The id of a response: some servers return it as a string or as a real number.
std::optional<std::int64_t> id_of(Json message);

/// The id of a response that is not valid JSON; the beginning and the end of a long text are
/// enough. Nothing: it has none, or is not a response.
std::optional<std::int64_t> id_of_unreadable(View begin, View end);

/// The id of the request whose progress the message reports: its progress token.
std::optional<std::int64_t> id_of_progress(Json message);

/// Why a text of this length is not a message, as the end of a sentence.
std::string why_unreadable(View text, std::size_t bytes);

/// Calls f(Document) for a message, or for each message of a batch (allowed by 2025-03-26).
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
