#include "step.h"

#include <algorithm>

namespace gatehouse::plugins::mcp {
namespace {

std::unordered_set<View> names_of(Json tools) {
  std::unordered_set<View> names;
  for (const Json tool : tools) names.insert(tool["name"].str());
  return names;
}

}  // namespace

Step::Step(Json chat, const Offer& offer, Sink& out)
    : offered_(names_of(chat["tools"])),
      hides_tools_(chat["hidden_tools"].boolean()),
      offer_(offer),
      out_(out) {}

Status Step::emit(Event e) {
  if (e.kind() == GH_EV_STEP_FINISH) {
    finish_.emplace(e);
    return Status();
  }
  if (e.kind() == GH_EV_STEP_START) {
    if (Status status = begin(); !status) return status;
  }
  const bool is_ours = !e.has(GH_PROVIDER_EXECUTED) && !e.has(GH_DYNAMIC);
  if (is_ours && e.kind() == GH_EV_TOOL_CALL) return add_call(e);
  if (is_ours && e.kind() == GH_EV_TOOL_CALL_ERROR) return add_broken_call(e);
  collect(e);
  // The client must not run what runs here.
  const bool starts_here = is_ours && e.kind() == GH_EV_TOOL_INPUT_START &&
                           (tool_here(e.name()) || (hides_tools_ && !offered_.count(e.name())));
  return out_.emit(starts_here ? e.with_flag(GH_DYNAMIC) : e.raw());
}

/// A model without tools does not continue, unless it calls one all the same: that call is kept,
/// but nothing that comes before it, which nearly all chats would keep for nothing.
void Step::collect(Event e) {
  if (!offered_.empty() && !e.has(GH_DYNAMIC)) content_.add(e);
}

/// A step that follows another one in the same call of next(): a plugin below has continued with
/// its own results, and has added the step to the messages.
Status Step::begin() {
  if (!finish_) return Status();
  Status status = emit_end();
  finish_.reset();
  calls_.clear();
  content_ = Content();
  return status;
}

Status Step::add_call(Event e) {
  content_.add(e);
  Call& call = calls_.emplace_back(
      Call{std::string(e.id()), std::string(e.name()), content_.last()["input"]});
  if (offered_.count(e.name()) == 0) {
    call.error = "There is no tool named " + call.name + ". Use only the tools that are offered.";
    gh_event failed = e.with_text("the model called a tool that was not offered");
    failed.kind = GH_EV_TOOL_CALL_ERROR;
    return fail(call, hides_tools_ ? Event(failed).with_flag(GH_DYNAMIC) : failed);
  }
  call.here = offer_.find(e.name());
  return out_.emit(call.here ? e.with_flag(GH_DYNAMIC) : e.raw());
}

/// The provider could not read its arguments: the model gets the reason, beside a call without any.
Status Step::add_broken_call(Event e) {
  const Document none;
  none.root().set_object();
  content_.add(event::tool_call(e.id(), e.name(), none.root(), e.metadata()));
  Call& call = calls_.emplace_back(
      Call{std::string(e.id()), std::string(e.name()), content_.last()["input"]});
  call.error = e.text();
  const bool is_clients = offered_.count(e.name()) > 0 && !tool_here(e.name());
  return fail(call, hides_tools_ && !is_clients ? e.with_flag(GH_DYNAMIC) : e.raw());
}

/// `failed`: the event of the call, which gets its output at once.
Status Step::fail(const Call& call, Event failed) {
  if (Status status = out_.emit(failed); !status) return status;
  const int flag = failed.has(GH_DYNAMIC) ? GH_DYNAMIC : 0;
  return out_.emit(event::tool_output_error(call.id, "the call was not run", flag));
}

Status Step::finish(Host host, Exchange& x, const Approvals& approvals, Allowance& allowance) {
  if (hides_tools_ && has_calls_for_client()) return emit_end();
  for (Call& call : calls_) {
    if (Status status = decide(x, call, approvals, allowance); !status) return status;
  }
  if (!run_.empty()) {
    if (Status status = run_calls(host, x, out_, run_, allowance); !status) return status;
  }
  return emit_end();
}

Status Step::decide(Exchange& x, Call& call, const Approvals& approvals,
                    const Allowance& allowance) {
  if (!call.here || !ended_well()) return Status();
  if (++calls_here_ > allowance.calls_of_step) {
    call.error = allowance.rejection();
    return out_.emit(event::tool_output_error(call.id, call.error, GH_DYNAMIC));
  }
  if (call.here->needs_approval)
    return out_.emit(event::tool_approval(call.id, approvals.ask(x, call)));
  run_.push_back(&call);
  return Status();
}

/// A provider that has sent no end has failed, which is for those above to find.
Status Step::emit_end() { return finish_ ? out_.emit(finish_->event()) : Status(); }

bool Step::has_calls_for_client() const {
  return std::any_of(calls_.begin(), calls_.end(),
                     [this](const Call& call) { return is_for_client(call); });
}

bool Step::calls_for_another() const {
  const bool was_cut = !finish_ || finish_->name() == "length";
  return !was_cut && !calls_.empty() &&
         std::all_of(calls_.begin(), calls_.end(),
                     [](const Call& call) { return call.has_result(); });
}

void Step::append_to(MutableJson messages) {
  MutableJson assistant = messages.push();
  assistant.edit("role").set("assistant");
  assistant.edit("content").set(content_.complete());
  MutableJson results = messages.push();
  results.edit("role").set("tool");
  for (const Call& call : calls_) add_tool_result(results.edit("content"), call);
}

}  // namespace gatehouse::plugins::mcp
