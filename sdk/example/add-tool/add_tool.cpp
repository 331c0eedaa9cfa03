#include "gatehouse/plugin.hpp"
#include "schema.h"  // made from schema.json: GATEHOUSE_SCHEMA

namespace add_tool {

using namespace gatehouse;
constexpr View kTool = "add";
constexpr View kOffer = R"({"name": "add", "description": "Adds two numbers.",
    "input_schema": {"type": "object", "required": ["a", "b"],
                     "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}})";

/// One call of the model. Runs its calls of the tool, and keeps what it said for the next call.
class Step final : public Sink {
 public:
  explicit Step(Sink& out) : out_(out) {}

  Status emit(Event e) override {
    const bool is_ours = e.name() == kTool && !e.has(GH_PROVIDER_EXECUTED);
    if (e.kind() == GH_EV_TEXT || e.kind() == GH_EV_REASONING) keep_text(e);
    if (e.kind() == GH_EV_TOOL_CALL && is_ours) return call(e);
    if (e.kind() == GH_EV_TOOL_CALL) has_other_calls_ = true;
    return out_.emit(is_ours ? e.with_flag(GH_DYNAMIC) : e.raw());  // its tool-input-start
  }
  /// Whether the model waits for results, all of which are here. Then appends them.
  bool append_to(MutableJson messages) {
    if (results_.root().size() == 0 || has_other_calls_) return false;
    end_block();
    append(messages, "assistant", said_);
    append(messages, "tool", results_);
    return true;
  }

 private:
  Status call(Event e) {
    if (Status s = out_.emit(e.with_flag(GH_DYNAMIC)); !s) return s;  // the client must not run it
    end_block();
    part_of(said_, "tool-call", e).edit("input").set(e.json());
    MutableJson output = part_of(results_, "tool-result", e).edit("output");
    output.set(e.json()["a"].real() + e.json()["b"].real());
    return out_.emit(event::tool_output(e.id(), output, GH_DYNAMIC));
  }
  static MutableJson part_of(const Document& to, View type, Event call) {
    MutableJson part = to.root().push();
    part.edit("type").set(type);
    part.edit("id").set(call.id());
    part.edit("name").set(kTool);
    if (call.metadata()) part.edit("metadata").set(call.metadata());
    return part;
  }
  void keep_text(Event e) {
    const View type = e.kind() == GH_EV_TEXT ? "text" : "reasoning";
    if (block_["type"].str() != type) {
      end_block();
      block_ = said_.root().push();
      block_.edit("type").set(type);
    }
    text_.append(e.text());
    if (e.metadata()) block_.edit("metadata").set(e.metadata());
  }
  void end_block() {
    if (block_) block_.edit("text").set(View(text_));
    block_ = MutableJson();
    text_.clear();
  }
  static void append(MutableJson messages, View role, const Document& content) {
    MutableJson message = messages.push();
    message.edit("role").set(role);
    message.edit("content").set(content.root());
  }

  Sink& out_;
  Document said_, results_;
  MutableJson block_;  // of text or reasoning, that has not ended
  std::string text_;
  bool has_other_calls_ = false;
};

/// Offers the tool to the model, runs its calls, and calls the model again with the results.
class AddTool final : public Plugin {
 public:
  AddTool(Host, Json config) : max_steps_(config["max_steps"].integer()) {}

  Status handle(Exchange& x, Sink& out, Next& next) override {
    x.chat().edit("tools").push().set((*Document::parse(kOffer)).root());
    for (std::int64_t steps = 1;; ++steps) {
      Step step(out);
      Status s = next(x, step);
      if (!s || steps == max_steps_ || !step.append_to(x.chat().edit("messages"))) return s;
    }
  }

 private:
  const std::int64_t max_steps_;
};

}  // namespace add_tool

GATEHOUSE_PLUGIN(add_tool::AddTool, "add-tool", "0.1.0", "A tool that adds numbers",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
