#pragma once

#include <cstddef>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::responses {

/// An item of the output of a response.
struct OutputItem {
  enum Kind { message, reasoning, function_call };

  Kind kind;
  std::string id{};
  std::size_t index = 0;
  std::string text{};               ///< Of a message or a summary, or the arguments of a call.
  std::string call_id{}, name{};    ///< Of a call.
  std::string encrypted_content{};  ///< Of reasoning; empty: none.
};

/// What its id begins with.
View prefix_of(OutputItem::Kind kind);

/// Writes the whole item. `status`: completed or incomplete.
void write_item(const OutputItem& item, View status, JsonText& json);
/// Writes the item as it begins, without content.
void write_empty_item(const OutputItem& item, JsonText& json);
/// Writes the part of a message or a summary that has this text.
void write_part(OutputItem::Kind kind, View text, JsonText& json);

}  // namespace gatehouse::plugins::responses
