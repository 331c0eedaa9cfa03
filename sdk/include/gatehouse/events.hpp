/// Makers of events.
#pragma once

#include <cstdint>

#include "gatehouse/event.hpp"

namespace gatehouse {
inline namespace v1 {

/// Makers of events, which are emitted at once: out.emit(event::text("Hello")).
namespace event {
inline gh_event make(int kind, int flags = 0) {
  gh_event e{};
  e.kind = static_cast<std::uint16_t>(kind);
  e.flags = static_cast<std::uint16_t>(flags);
  return e;
}
inline gh_event bytes(View text, bool last = false) {
  gh_event e = make(GH_EV_BYTES, last ? GH_LAST : 0);
  e.text = raw(text);
  return e;
}
inline gh_event step_start() { return make(GH_EV_STEP_START); }
inline gh_event text(View delta, Json metadata = Json()) {
  gh_event e = make(GH_EV_TEXT);
  e.text = raw(delta);
  e.metadata = metadata.raw();
  return e;
}
inline gh_event reasoning(View delta, Json metadata = Json()) {
  gh_event e = text(delta, metadata);
  e.kind = GH_EV_REASONING;
  return e;
}
inline gh_event tool_input_start(View id, View name, int flags = 0) {
  gh_event e = make(GH_EV_TOOL_INPUT_START, flags);
  e.id = raw(id);
  e.name = raw(name);
  return e;
}
inline gh_event tool_input_delta(View id, View json_text) {
  gh_event e = make(GH_EV_TOOL_INPUT_DELTA);
  e.id = raw(id);
  e.text = raw(json_text);
  return e;
}
inline gh_event tool_call(View id, View name, Json input, Json metadata = Json(), int flags = 0) {
  gh_event e = tool_input_start(id, name, flags);
  e.kind = GH_EV_TOOL_CALL;
  e.json = input.raw();
  e.metadata = metadata.raw();
  return e;
}
inline gh_event tool_call_error(View id, View name, Json input, View why, Json metadata = Json(),
                                int flags = 0) {
  gh_event e = tool_call(id, name, input, metadata, flags);
  e.kind = GH_EV_TOOL_CALL_ERROR;
  e.text = raw(why);
  return e;
}
inline gh_event tool_output(View id, Json output, int flags = 0) {
  gh_event e = make(GH_EV_TOOL_OUTPUT, flags);
  e.id = raw(id);
  e.json = output.raw();
  return e;
}
inline gh_event tool_output_error(View id, View why, int flags = 0) {
  gh_event e = make(GH_EV_TOOL_OUTPUT_ERROR, flags);
  e.id = raw(id);
  e.text = raw(why);
  return e;
}
/// `cited`: the passage of the text that cites it; see abi/event.h.
inline gh_event source(View id, View url, View title = {}, Json cited = Json()) {
  gh_event e = make(GH_EV_SOURCE);
  e.id = raw(id);
  e.text = raw(url);
  e.name = raw(title);
  e.json = cited.raw();
  return e;
}
inline gh_event file(View media_type, View base64, Json metadata = Json()) {
  gh_event e = make(GH_EV_FILE);
  e.name = raw(media_type);
  e.text = raw(base64);
  e.metadata = metadata.raw();
  return e;
}
inline gh_event usage(Json counts) {
  gh_event e = make(GH_EV_USAGE);
  e.json = counts.raw();
  return e;
}
inline gh_event step_finish(View reason) {
  gh_event e = make(GH_EV_STEP_FINISH);
  e.name = raw(reason);
  return e;
}
inline gh_event tool_approval(View id, View question) {
  gh_event e = make(GH_EV_TOOL_APPROVAL, GH_DYNAMIC);
  e.id = raw(id);
  e.text = raw(question);
  return e;
}
inline gh_event tool_denied(View id) {
  gh_event e = make(GH_EV_TOOL_DENIED, GH_DYNAMIC);
  e.id = raw(id);
  return e;
}
inline gh_event data(View kind, Json value) {
  gh_event e = make(GH_EV_DATA);
  e.name = raw(kind);
  e.json = value.raw();
  return e;
}
inline gh_event response(Json about) {
  gh_event e = make(GH_EV_RESPONSE);
  e.json = about.raw();
  return e;
}
/// `member`: of the chat document.
inline gh_event warning(View member, View sentence) {
  gh_event e = make(GH_EV_WARNING);
  e.name = raw(member);
  e.text = raw(sentence);
  return e;
}
/// `name`: in reverse domain notation.
inline gh_event custom(View name, Json value, int flags = 0) {
  gh_event e = make(GH_EV_CUSTOM, flags);
  e.name = raw(name);
  e.json = value.raw();
  return e;
}
}  // namespace event

}  // namespace v1
}  // namespace gatehouse
