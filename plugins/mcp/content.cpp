#include "content.h"

namespace gatehouse::plugins::mcp {
namespace {

constexpr std::size_t kUsual = 2048;  // bytes of a block of text

}  // namespace

void Content::add(Event e) {
  switch (e.kind()) {
    case GH_EV_TEXT:
    case GH_EV_REASONING: return add_delta(e);
    // They do not end a block of text: see abi/event.h.
    case GH_EV_USAGE:
    case GH_EV_RESPONSE:
    case GH_EV_WARNING:
    case GH_EV_DATA: return;
    default: close_block();
  }
  const bool is_final_output = e.has(GH_PROVIDER_EXECUTED) && !e.has(GH_PRELIMINARY);
  if (e.kind() == GH_EV_TOOL_CALL) add_tool_part(e, "tool-call");
  if (e.kind() == GH_EV_TOOL_OUTPUT && is_final_output) add_tool_part(e, "tool-result");
  if (e.kind() == GH_EV_FILE) add_file(e);
}

Json Content::complete() {
  close_block();
  return parts_.root();
}

/// A block becomes one part, at the place where it began. It may have metadata and no text, such as
/// a signature or redacted reasoning; its last metadata counts.
void Content::add_delta(Event e) {
  if (block_kind_ != e.kind() || block_id_ != e.id()) {
    if (e.text().empty() && !e.metadata()) return;
    close_block();
    push(e.kind() == GH_EV_TEXT ? "text" : "reasoning");
    text_.reserve(kUsual);
    block_kind_ = e.kind();
    block_id_ = e.id();
  }
  text_.append(e.text());
  if (e.metadata()) last_.edit("metadata").set(e.metadata());
}

/// A call, or its result where the provider has run it.
void Content::add_tool_part(Event e, View type) {
  const bool is_call = e.kind() == GH_EV_TOOL_CALL;
  Json call;  // of a result, which may stand anywhere behind it
  for (const Json part : parts_.root()) {
    if (!is_call && part["id"].str() == e.id()) call = part;
  }
  push(type);
  last_.edit("id").set(e.id());
  last_.edit("name").set(is_call ? e.name() : call["name"].str());
  last_.edit(is_call ? "input" : "output").set(e.json());
  if (e.metadata()) last_.edit("metadata").set(e.metadata());
  if (e.has(GH_PROVIDER_EXECUTED)) last_.edit("provider_executed").set(true);
}

void Content::add_file(Event e) {
  push("file");
  last_.edit("media_type").set(e.name());
  last_.edit("data").set(e.text());
  if (e.metadata()) last_.edit("metadata").set(e.metadata());
}

void Content::push(View type) {
  last_ = parts_.root().push();
  last_.edit("type").set(type);
}

void Content::close_block() {
  if (block_kind_ != 0) last_.edit("text").set(View(text_));
  block_kind_ = 0;
  text_.clear();
}

}  // namespace gatehouse::plugins::mcp
