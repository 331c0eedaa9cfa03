#include "decisions.h"

#include <list>

namespace gatehouse::plugins::mcp {
namespace {

Json last_response(Json messages);
MutableJson results_of_last_response(MutableJson messages);

/// The calls that wait for a decision, and those of them that may run.
class Decisions {
 public:
  Decisions(Exchange& x, Sink& out, const Approvals& approvals, const Allowance& allowance)
      : x_(x), out_(out), approvals_(approvals), allowance_(allowance) {}

  Status add(Call decided, Json approval) {
    Call& call = calls.emplace_back(std::move(decided));
    // No step asks more questions than it may make calls. Whatever else a client sends must not
    // cost a signature and a log line.
    if (calls.size() > allowance_.calls_of_step) return reject(call, allowance_.rejection());
    if (!approval["approved"].boolean()) return deny(call, approval["reason"].str());
    const View objection = approvals_.objection(x_, approval["id"].str(), call);
    if (!objection.empty()) return reject(call, std::string(objection));
    run.push_back(&call);
    return Status();
  }

  std::list<Call> calls;
  std::vector<Call*> run;

 private:
  Status reject(Call& call, std::string why) {
    call.error = std::move(why);
    return out_.emit(event::tool_output_error(call.id, call.error, GH_DYNAMIC));
  }
  Status deny(Call& call, View reason) {
    approvals_.deny(x_, call);
    call.error = reason.empty() ? View("The user has denied this call.") : reason;
    return out_.emit(event::tool_denied(call.id));
  }

  Exchange& x_;
  Sink& out_;
  const Approvals& approvals_;
  const Allowance& allowance_;
};

}  // namespace

Status carry_out_decisions(Host host, Exchange& x, Sink& out, const Offer& offer,
                           const Approvals& approvals, Allowance& allowance) {
  Decisions decisions(x, out, approvals, allowance);
  for (const Json part : last_response(x.chat()["messages"])["content"]) {
    if (!part["approval"]) continue;
    const View id = part["id"].str(), name = part["name"].str();
    Call call{std::string(id), std::string(name), part["input"], offer.find(name)};
    if (Status status = decisions.add(std::move(call), part["approval"]); !status) return status;
  }
  if (decisions.calls.empty()) return Status();
  if (!decisions.run.empty()) {
    if (Status status = run_calls(host, x, out, decisions.run, allowance); !status) return status;
  }
  const MutableJson results = results_of_last_response(x.chat().edit("messages"));
  for (const Call& call : decisions.calls) add_tool_result(results, call);
  return Status();
}

namespace {

/// The last message of the model, unless the user has said something since; then none.
Json last_response(Json messages) {
  Json last;
  for (const Json message : messages) {
    const View role = message["role"].str();
    if (role != "tool") last = role == "assistant" ? message : Json();
  }
  return last;
}

/// Where the results of its calls belong.
MutableJson results_of_last_response(MutableJson messages) {
  Json last;
  for (const Json message : messages) last = message;
  if (last["role"].str() == "tool")
    return MutableJson(const_cast<gh_json*>(last.raw())).edit("content");
  MutableJson added = messages.push();
  added.edit("role").set("tool");
  return added.edit("content");
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
