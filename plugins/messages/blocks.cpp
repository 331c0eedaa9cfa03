/// Blocks follow one another, while the events of several calls may mix: what comes before the end
/// of a call, and does not belong to it, waits.
#include "blocks.h"

#include <algorithm>

#include "signature.h"

namespace gatehouse::plugins::messages {
namespace {

Fail unreadable_call(View why) {
  return {502, "upstream_malformed", "The model's tool call cannot be read; try again.",
          std::string(why)};
}

bool is_content(int kind) {
  switch (kind) {
    case GH_EV_TEXT:
    case GH_EV_REASONING:
    case GH_EV_TOOL_INPUT_START:
    case GH_EV_TOOL_INPUT_DELTA:
    case GH_EV_TOOL_CALL:
    case GH_EV_TOOL_CALL_ERROR: return true;
    default: return false;
  }
}

std::optional<Document> copy_of(Json json) {
  if (!json) return std::nullopt;
  Document copy;
  copy.root().set(json);
  return copy;
}

}  // namespace

Blocks::KeptEvent::KeptEvent(Event e)
    : kind(e.kind()),
      id(e.id()),
      name(e.name()),
      text(e.text()),
      json(copy_of(e.json())),
      metadata(copy_of(e.metadata())) {}

gh_event Blocks::KeptEvent::event() const {
  gh_event e = event::make(kind);
  e.id = raw(id);
  e.name = raw(name);
  e.text = raw(text);
  e.json = json ? json->root().raw() : nullptr;
  e.metadata = metadata ? metadata->root().raw() : nullptr;
  return e;
}

Blocks::Blocks(Exchange& x, const CallIds& ids, bool shows_thinking, BlockWriter& out)
    : x_(x), ids_(ids), shows_thinking_(shows_thinking), out_(out) {
  for (const Json tool : x.chat()["tools"]) tools_.emplace_back(tool["name"].str());
}

Status Blocks::read(Event e) {
  if (call_ && is_content(e.kind()) && call_->id != e.id()) {
    waiting_.emplace_back(e);
    return {};
  }
  switch (e.kind()) {
    case GH_EV_STEP_START: has_calls_ = false; break;
    case GH_EV_TEXT: add_text(e); break;
    case GH_EV_REASONING: add_thought(e); break;
    case GH_EV_TOOL_INPUT_START: start_call(e); break;
    case GH_EV_TOOL_INPUT_DELTA: add_input(e.text()); break;
    case GH_EV_TOOL_CALL: return end_call(e);
    case GH_EV_TOOL_CALL_ERROR: return drop_call(e);
    case GH_EV_STEP_FINISH: close(); break;
  }
  return {};
}

void Blocks::add_text(Event e) {
  if (e.text().empty()) return;
  open(Block::text, e.id());
  out_.add(*open_, e.text());
}

/// A signature ends its thought. Without its text it is worth nothing: one of a text that is not
/// shown is not shown either.
void Blocks::add_thought(Event e) {
  const View redacted = e.metadata()["anthropic"]["redactedData"].str();
  const bool is_signed = e.metadata().size() > 0;
  if (!redacted.empty()) return add_redacted(redacted);
  if (!shows_thinking_ && !e.text().empty()) {
    close();
    hidden_thought_ = e.id();
    return;
  }
  if (e.text().empty() && (!is_signed || hidden_thought_ == e.id())) return;
  open(Block::thinking, e.id());
  if (!e.text().empty()) out_.add(*open_, e.text());
  if (is_signed) close(e.metadata());
}

void Blocks::add_redacted(View data) {
  close();
  const Block block{Block::redacted, {}, {}, std::string(data)};
  out_.begin(block);
  out_.end(block);
}

/// Unless the block is open.
void Blocks::open(Block::Kind kind, View id) {
  if (open_ && open_->kind == kind && open_id_ == id) return;
  close();
  open_.emplace(Block{kind});
  open_id_ = id;
  out_.begin(*open_);
}

void Blocks::close(Json metadata) {
  hidden_thought_.reset();
  if (!open_) return;
  if (open_->kind == Block::thinking) open_->opaque = signature_of(metadata);
  out_.end(*open_);
  open_.reset();
}

/// A tool that the client has not sent is no tool, of which a plugin below informs the model.
bool Blocks::is_clients(View tool) const {
  return std::find(tools_.begin(), tools_.end(), tool) != tools_.end();
}

void Blocks::start_call(Event e) {
  close();
  call_.emplace(Call{std::string(e.id()), {Block::tool_use, {}, std::string(e.name())}, {}});
  if (is_clients(e.name())) begin_call(e.metadata());
}

void Blocks::begin_call(Json metadata) {
  call_->block.id = ids_.id_for_client(x_, legal_ids_.out(call_->id), metadata);
  call_->has_begun = has_calls_ = true;
  out_.begin(call_->block);
  if (call_->has_input) out_.add(call_->block, call_->input);
}

void Blocks::add_input(View piece) {
  if (piece.empty()) return;
  call_->has_input = true;
  if (call_->has_begun) return out_.add(call_->block, piece);
  call_->input.append(piece);
}

Status Blocks::end_call(Event e) {
  if (!e.json().is_object()) return drop_call(e);
  if (!call_) start_call(e);
  if (!call_->has_begun) begin_call(e.metadata());
  if (!call_->has_input) out_.add(call_->block, e.json().dump());
  out_.end(call_->block);
  call_.reset();
  return read_waiting();
}

Status Blocks::drop_call(Event e) {
  if (is_clients(e.name())) return unreadable_call(e.text());
  call_.reset();
  return read_waiting();
}

Status Blocks::end(View reason) {
  close();  // of a step that had no end
  if (reason != "tool-calls" || has_calls_) return {};
  return unreadable_call("no call of the step could be read");
}

Status Blocks::read_waiting() {
  std::vector<KeptEvent> waiting = std::move(waiting_);
  waiting_.clear();
  for (const KeptEvent& kept : waiting) {
    if (Status s = read(kept.event()); !s) return s;
  }
  return {};
}

}  // namespace gatehouse::plugins::messages
