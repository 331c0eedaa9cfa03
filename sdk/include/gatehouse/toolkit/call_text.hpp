/// Tool calls whose arguments arrive as pieces of JSON text.
#pragma once

#include <string>
#include <utility>

#include "gatehouse/document.hpp"
#include "gatehouse/events.hpp"

namespace gatehouse {
inline namespace v1 {

/// One such call, as events.
class CallText {
 public:
  CallText(std::string id, std::string name) : id_(std::move(id)), name_(std::move(name)) {}

  Status begin(Sink& out) const { return out.emit(event::tool_input_start(id_, name_)); }
  Status add(Sink& out, View piece) {
    if (piece.empty()) return {};
    arguments_.append(piece);
    return out.emit(event::tool_input_delta(id_, piece));
  }
  /// All pieces have arrived. Arguments that are no JSON object fail the call, not the response:
  /// the model can correct them.
  Status end(Sink& out, Json metadata = Json()) const {
    auto input = Document::parse(is_empty() ? View("{}") : View(arguments_));
    if (input && input->root().is_object())
      return out.emit(event::tool_call(id_, name_, input->root(), metadata));
    const Document text;
    text.root().set(View(arguments_));
    return out.emit(event::tool_call_error(id_, name_, text.root(),
                                           "The arguments are not a JSON object.", metadata));
  }

  bool is_empty() const { return trim(arguments_).empty(); }
  /// Whether the pieces until now are a whole JSON value.
  bool is_whole() const { return !is_empty() && Document::parse(arguments_); }

 private:
  std::string id_, name_, arguments_;
};

}  // namespace v1
}  // namespace gatehouse
