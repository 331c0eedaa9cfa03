#pragma once

#include "request.h"

namespace gatehouse::plugins::gemini {

/// Appends the member `contents`: the conversation, in the order of turns that Gemini accepts.
void append_contents(std::string& out, Json chat, const RequestOptions& options);

/// Appends a part with this text.
void append_text(std::string& out, View text);

/// The operator's prompt and the texts of system messages, one after another.
template <typename Function>
void for_each_system_text(Json chat, Function each) {
  std::string text;
  for (const Json part : chat["system"]) text.append(part["text"].str());
  if (!text.empty()) each(text);
  for (const Json message : chat["messages"]) {
    if (message["role"].str() != "system") continue;
    text.clear();
    for (const Json part : message["content"]) text.append(part["text"].str());
    if (!text.empty()) each(text);
  }
}

}  // namespace gatehouse::plugins::gemini
