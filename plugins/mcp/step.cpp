#include "step.h"

#include <algorithm>

namespace gatehouse::plugins::mcp {

Step::Step(Json tools, const Offer& offer, Sink& out) : offer_(offer), out_(out) {
  for (const Json tool : tools) offered_.insert(tool["name"].str());
}

Status Step::emit(Event e) {
  switch (e.kind()) {
    case GH_EV_TEXT:
    case GH_EV_REASONING: add_delta(e); break;
    case GH_EV_TOOL_INPUT_START: return pass_on(e);
    case GH_EV_TOOL_CALL:
      if (!e.has(GH_PROVIDER_EXECUTED)) return add_call(e);
      break;
    case GH_EV_STEP_FINISH: finish_reason_ = e.name(); return Status();
    default: break;
  }
  return out_.emit(e);
}

Status Step::add_call(Event e) {
  MutableJson call = said_.root().push();
  call.edit("type").set("tool-call");
  call.edit("id").set(e.id());
  call.edit("name").set(e.name());
  call.edit("input").set(e.json());
  if (e.metadata()) call.edit("metadata").set(e.metadata());
  Call& added =
      calls_.emplace_back(Call{std::string(e.id()), std::string(e.name()), call["input"]});
  if (is_offered(e.name())) {
    added.here = offer_.find(e.name());
    return pass_on(e);
  }
  added.error = "There is no tool named " + added.name + ". Use only the tools that are offered.";
  return out_.emit(event::tool_call_error(
      e.id(), e.name(), e.json(), "the model called a tool that was not offered", e.metadata()));
}

/// Marks what runs here: the client must not try it.
Status Step::pass_on(Event e) {
  gh_event marked = e.raw();
  if (is_offered(e.name()) && offer_.find(e.name())) marked.flags |= GH_DYNAMIC;
  return out_.emit(marked);
}

/// One block is one part of the message, at the place where it began; the last metadata of a block
/// counts.
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

Status Step::finish(Host host, Exchange& x, const Approvals& approvals, Allowance& allowance) {
  std::vector<Call*> run;
  std::size_t here = 0;
  for (Call& call : calls_) {
    Status status;
    if (!call.error.empty()) {
      status = out_.emit(event::tool_output_error(call.id, "there is no tool of that name"));
    } else if (!call.here || !ended_well()) {
      continue;
    } else if (++here > allowance.calls_of_step) {
      call.error = allowance.refuse_call();
      status = out_.emit(event::tool_output_error(call.id, call.error, GH_DYNAMIC));
    } else if (call.here->needs_approval) {
      status = out_.emit(event::tool_approval(call.id, approvals.ask(x, call)));
    } else {
      run.push_back(&call);
    }
    if (!status) return status;
  }
  if (!run.empty()) {
    if (Status status = run_calls(host, x, out_, run, allowance); !status) return status;
  }
  return out_.emit(event::step_finish(finish_reason_));
}

bool Step::calls_for_another() const {
  return !calls_.empty() && std::all_of(calls_.begin(), calls_.end(),
                                        [](const Call& call) { return call.is_answered(); });
}

void Step::append_to(MutableJson messages) {
  close_block();
  MutableJson assistant = messages.push();
  assistant.edit("role").set("assistant");
  assistant.edit("content").set(said_.root());
  MutableJson answers = messages.push();
  answers.edit("role").set("tool");
  for (const Call& call : calls_) add_tool_result(answers.edit("content"), call);
}

}  // namespace gatehouse::plugins::mcp
