#include "decisions.h"

#include <deque>

namespace gatehouse::plugins::mcp {
namespace {

/// The message of the model after which nobody has said anything, or none.
Json last_answer(Json messages) {
  Json last;
  for (const Json message : messages) {
    const View role = message["role"].str();
    if (role != "tool") last = role == "assistant" ? message : Json();
  }
  return last;
}

/// Where the results of its calls belong.
MutableJson results_of_last_answer(MutableJson messages) {
  Json last;
  for (const Json message : messages) last = message;
  if (last["role"].str() == "tool")
    return MutableJson(const_cast<gh_json*>(last.raw())).edit("content");
  MutableJson added = messages.push();
  added.edit("role").set("tool");
  return added.edit("content");
}

Result<bool> refuse(Sink& out, Call& call, std::string why) {
  call.error = std::move(why);
  if (Status status = out.emit(event::tool_output_error(call.id, call.error, GH_DYNAMIC)); !status)
    return status;
  return false;
}

/// Whether the call may run. If not, `call.error` says why, and the client is told.
Result<bool> may_run(Exchange& x, Sink& out, const Approvals& approvals, Call& call,
                     Json approval) {
  if (!approval["approved"].boolean()) {
    approvals.deny(x, call);
    const View reason = approval["reason"].str();
    call.error = reason.empty() ? View("The user has denied this call.") : reason;
    if (Status status = out.emit(event::tool_denied(call.id)); !status) return status;
    return false;
  }
  const View objection = approvals.objection(x, approval["id"].str(), call);
  if (objection.empty()) return true;
  return refuse(out, call, std::string(objection));
}

}  // namespace

Status carry_out_answers(Host host, Exchange& x, Sink& out, const Offer& offer,
                         const Approvals& approvals, Allowance& allowance) {
  std::deque<Call> calls;
  std::vector<Call*> run;
  for (const Json part : last_answer(x.chat()["messages"])["content"]) {
    const Json approval = part["approval"];
    if (!approval) continue;
    const View name = part["name"].str();
    Call& call = calls.emplace_back(
        Call{std::string(part["id"].str()), std::string(name), part["input"], offer.find(name)});
    // No step asks more questions than it may make calls: whatever else a client sends is not worth
    // a signature and a line of the log.
    const bool is_too_many = calls.size() > allowance.calls_of_step;
    Result<bool> allowed = is_too_many ? refuse(out, call, allowance.refuse_call())
                                       : may_run(x, out, approvals, call, approval);
    if (!allowed) return allowed.error();
    if (*allowed) run.push_back(&call);
  }
  if (calls.empty()) return Status();
  if (!run.empty()) {
    if (Status status = run_calls(host, x, out, run, allowance); !status) return status;
  }
  const MutableJson results = results_of_last_answer(x.chat().edit("messages"));
  for (const Call& call : calls) add_tool_result(results, call);
  return Status();
}

}  // namespace gatehouse::plugins::mcp
