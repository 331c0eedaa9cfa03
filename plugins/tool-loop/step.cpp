#include "step.h"

namespace gatehouse {

Status Step::emit(Event e) {
  switch (e.kind()) {
    case GH_EV_TEXT:
    case GH_EV_REASONING: add_delta(e); break;
    case GH_EV_TOOL_CALL: {
      if (e.has(GH_PROVIDER_EXECUTED)) break;
      ++calls_;
      MutableJson call = said_.root().push();
      call.edit("type").set("tool-call");
      call.edit("id").set(e.id());
      call.edit("name").set(e.name());
      call.edit("input").set(e.json());
      if (e.metadata()) call.edit("metadata").set(e.metadata());
      if (is_offered(e.name())) break;
      refused_.push_back({std::string(e.id()), std::string(e.name())});
      return out_.emit(event::tool_call_error(e.id(), e.name(), e.json(), "the model called a tool that was not offered"));
    }
    case GH_EV_STEP_FINISH: finish_reason_ = e.name(); return Status();
    default: break;
  }
  return out_.emit(e);
}

/// One block is one part of the message, at the place where it began; the last metadata of a block counts.
void Step::add_delta(Event e) {
  if (block_kind_ != e.kind() || block_id_ != e.id()) {
    if (e.text().empty()) return;
    close_block();
    block_kind_ = e.kind();
    block_id_ = e.id();
    block_ = said_.root().push();
    block_.edit("type").set(e.kind() == GH_EV_TEXT ? "text" : "reasoning");
  }
  text_.append(e.text());
  if (e.metadata()) block_.edit("metadata").set(e.metadata());
}

void Step::close_block() {
  if (block_kind_ != 0) block_.edit("text").set(View(text_));
  block_kind_ = 0;
  text_.clear();
}

bool Step::is_offered(View name) const {
  for (const Json tool : tools_) {
    if (tool["name"].str() == name) return true;
  }
  return false;
}

Status Step::finish() {
  for (const Refused& call : refused_) {
    if (Status status = out_.emit(event::tool_output_error(call.id, "there is no tool of that name")); !status) return status;
  }
  return out_.emit(event::step_finish(finish_reason_));
}

bool Step::calls_for_another() const {
  return calls_ > 0 && calls_ == refused_.size() && (finish_reason_ == "tool-calls" || finish_reason_ == "stop");
}

void Step::append_to(MutableJson messages) {
  close_block();
  MutableJson assistant = messages.push();
  assistant.edit("role").set("assistant");
  assistant.edit("content").set(said_.root());
  MutableJson answers = messages.push();
  answers.edit("role").set("tool");
  for (const Refused& call : refused_) {
    MutableJson answer = answers.edit("content").push();
    answer.edit("type").set("tool-result");
    answer.edit("id").set(View(call.id));
    answer.edit("name").set(View(call.name));
    answer.edit("output").set(View("There is no tool named " + call.name + ". Use only the tools that are offered."));
  }
}

}  // namespace gatehouse
