#include "repairs.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr int kMost = 2;  // further requests of one chat

constexpr View kDeclarations = "function_declarations[";

bool has(View text, View words) { return text.find(words) != View::npos; }

/// The declarations that a message such as "* …tools[0].function_declarations[2].parameters: …"
/// names.
std::set<std::size_t> named_tools(View message) {
  std::set<std::size_t> tools;
  for (auto at = message.find(kDeclarations); at != View::npos;
       at = message.find(kDeclarations, at)) {
    at += kDeclarations.size();
    std::size_t index = 0;
    const auto digits = at;
    while (at < message.size() && at - digits < 4 && message[at] >= '0' && message[at] <= '9') {
      index = index * 10 + static_cast<std::size_t>(message[at++] - '0');
    }
    if (at > digits) tools.insert(index);
  }
  return tools;
}

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

Repairable repairable(const UpstreamFailure& failure, View message) {
  Repairable found;
  if (failure.code != "upstream_refused") return found;
  found.detail = failure.detail;
  if (has(message, kDeclarations)) {
    found.what = Repairable::tools;
    found.named = named_tools(message);
  } else if (message == "Request contains an invalid argument.") {
    found.what = Repairable::tools;
  } else if (has(message, "hought signature") || has(lower(message), "thought_signature")) {
    found.what = Repairable::signatures;
  }
  return found;
}

bool Repairs::apply(const Repairable& rejected, Json tools, Host host, const Exchange& x) {
  if (rejected.what == Repairable::nothing || count_ == kMost) return false;
  if (rejected.what == Repairable::signatures) {
    if (foreign_signatures_) return false;
    foreign_signatures_ = true;
    host.log(GH_WARN, &x,
             "Gemini rejected the thought signatures of this conversation; retrying without them");
  } else if (!simplify(rejected, tools, host, x)) {
    return false;
  }
  ++count_;
  return true;
}

/// Simplifies the tools that Gemini names, or leaves out those that are simple already. An error
/// that names none may be about any of them. False: nothing was left to change.
bool Repairs::simplify(const Repairable& rejected, Json tools, Host host, const Exchange& x) {
  tools_.resize(tools.size(), ToolForm::whole);
  bool changed = false;
  std::size_t i = 0, declared = 0;
  for (const Json tool : tools) {
    ToolForm& form = tools_[i++];
    if (form == ToolForm::left_out) continue;
    const bool named = rejected.named.count(declared++) > 0;
    const bool simplified = form == ToolForm::whole && (named || rejected.named.empty());
    if (!named && !simplified) continue;
    form = simplified ? ToolForm::bare : ToolForm::left_out;
    changed = true;
    if (named) log_rejected_tool(host, x, tool, rejected.detail, simplified);
  }
  return changed;
}

}  // namespace gatehouse::plugins::gemini
