#include "blocks.h"

#include "signature.h"

namespace gatehouse::plugins::messages {

Status Blocks::emit(Event e) {
  switch (e.kind()) {
    case GH_EV_TEXT: add_text(e); break;
    case GH_EV_REASONING: add_thought(e); break;
    case GH_EV_TOOL_INPUT_START:
      open({Block::tool_use, std::string(legal_ids_.out(e.id())), std::string(e.name())});
      break;
    case GH_EV_TOOL_INPUT_DELTA: out_.add(*open_, e.text()); break;
    case GH_EV_TOOL_CALL:
    case GH_EV_STEP_FINISH: close(); break;
  }
  return {};
}

void Blocks::add_text(Event e) {
  if (e.text().empty()) return;
  if (!is_open(Block::text, e.id())) open({Block::text});
  open_id_ = e.id();
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
  if (!is_open(Block::thinking, e.id())) open({Block::thinking});
  open_id_ = e.id();
  if (!e.text().empty()) out_.add(*open_, e.text());
  if (is_signed) close(e.metadata());
}

void Blocks::add_redacted(View data) {
  open({Block::redacted, {}, {}, std::string(data)});
  close();
}

bool Blocks::is_open(Block::Kind kind, View id) const {
  return open_ && open_->kind == kind && open_id_ == id;
}

void Blocks::open(Block block) {
  close();
  open_ = std::move(block);
  out_.begin(*open_);
}

void Blocks::close(Json metadata) {
  hidden_thought_.reset();
  if (!open_) return;
  if (open_->kind == Block::thinking) open_->opaque = signature_of(metadata);
  out_.end(*open_);
  open_.reset();
}

}  // namespace gatehouse::plugins::messages
