#include "repairs.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr int kMost = 2;  // further requests of one chat

void log_rejected_tool(Host host, const Exchange& x, Json tool, View detail, bool simplified) {
  Document fields;
  fields.root().edit("tool").set(tool["name"]);
  fields.root().edit("detail").set(detail);
  host.log(GH_WARN, &x,
           std::string("Gemini rejected a tool; retrying ") +
               (simplified ? "with a simpler schema" : "without it"),
           fields.root());
}

}  // namespace

bool Repairs::apply(const GeminiFailure& failure, Json tools, Host host, const Exchange& x) {
  using Repair = GeminiFailure::Repair;
  if (failure.repair == Repair::none || count_ == kMost) return false;
  if (failure.repair == Repair::signatures) {
    if (foreign_signatures_) return false;
    foreign_signatures_ = true;
    host.log(GH_WARN, &x,
             "Gemini rejected the thought signatures of this conversation; retrying without them");
  } else if (!simplify(failure, tools, host, x)) {
    return false;
  }
  ++count_;
  return true;
}

/// Simplifies the tools that Gemini names, or leaves out those that are simple already. An error
/// that names none may be about any of them. False: nothing was left to change.
bool Repairs::simplify(const GeminiFailure& failure, Json tools, Host host, const Exchange& x) {
  tools_.resize(tools.size(), ToolForm::whole);
  bool changed = false;
  std::size_t i = 0, declared = 0;
  for (const Json tool : tools) {
    ToolForm& form = tools_[i++];
    if (form == ToolForm::left_out) continue;
    const bool named = failure.tools.count(declared++) > 0;
    const bool simplified = form == ToolForm::whole && (named || failure.tools.empty());
    if (!named && !simplified) continue;
    form = simplified ? ToolForm::bare : ToolForm::left_out;
    changed = true;
    if (named) log_rejected_tool(host, x, tool, failure.detail, simplified);
  }
  return changed;
}

}  // namespace gatehouse::plugins::gemini
