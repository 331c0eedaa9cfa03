/// Each UI message becomes messages of the chat document: system and user messages one each, an
/// assistant message one per step of the model (its parts `step-start` divide it), followed by the
/// results of the step's tool calls. A part that no model can use is left out here.
#include "document.h"

#include "gatehouse/toolkit/chat_message.hpp"
#include "gatehouse/toolkit/contains.hpp"
#include "gatehouse/toolkit/model_options.hpp"
#include "gatehouse/toolkit/tool_schemas.hpp"

namespace gatehouse::plugins::chat {
namespace {

void write_system(Json body, const Defaults& defaults, MutableJson chat);
Status write_messages(Json given, MutableJson messages);

// Of the kinds of chunks that a client may accept: those that plugins below ask for.
constexpr View kAcceptable[] = {"tool-approval-request"};

}  // namespace

Status write_document(Json body, const Defaults& defaults, MutableJson chat) {
  const View model = body["model"].str(defaults.model);
  chat.edit("model").set(body["modelConfig"]["remoteModel"].str(model));
  write_system(body, defaults, chat);
  if (const View workflow = body["workflowId"].str(); !workflow.empty())
    chat.edit("workflow").set(workflow);

  if (defaults.temperature) chat.edit("temperature").set(*defaults.temperature);
  if (defaults.max_output_tokens) chat.edit("max_output_tokens").set(*defaults.max_output_tokens);
  if (defaults.reasoning) chat.edit("reasoning").edit("visible").set(true);
  write_model_options(body["modelOptions"], chat);

  for (const View kind : kAcceptable) {
    if (contains(body["accepts"], kind)) chat.edit("accepts").push().set(kind);
  }
  if (!body["toolSchemas"].is_null()) write_tools(body["toolSchemas"], chat);
  return write_messages(body["messages"], chat.edit("messages"));
}

namespace {

// What the model reads of a call that the user has denied without giving a reason.
constexpr View kDenial = "The user denied this tool call.";

/// The operator's prompt is marked as a default, which a workflow replaces.
void write_system(Json body, const Defaults& defaults, MutableJson chat) {
  if (!defaults.system_prompt.empty())
    add_text(chat.edit("system"), defaults.system_prompt).edit("default").set(true);
  if (const View context = body["initialPageContext"].str(); !context.empty())
    add_text(chat.edit("system"), std::string("\n\n[INITIAL PAGE CONTEXT]\n").append(context));
}

/// The model's signatures on its earlier output. It rejects or ignores that output unless they
/// return unchanged.
void add_metadata(Json metadata, MutableJson to) {
  if (!metadata.is_null()) to.edit("metadata").set(metadata);
}

/// Text or reasoning. `text`: that of the part.
void add_text(Json part, View type, Json text, ChatMessage& message) {
  MutableJson added = message.add(type);
  added.edit("text").set(text);
  add_metadata(part["providerMetadata"], added);
}

void add_file(Json part, View type, ChatMessage& message) {
  MutableJson file = message.add(type);
  write_file(part["url"], part["mediaType"].str(), file);
  if (!part["filename"].str().empty()) file.edit("name").set(part["filename"]);
  add_metadata(part["providerMetadata"], file);
}

/// How a call ended, as far as the client knows.
enum class CallOutcome { kNone, kOutput, kError, kDenied, kDecided };

/// `is_open`: it belongs to the step that this request continues, so the user's decision about it
/// counts.
CallOutcome outcome_of(Json part, bool is_open) {
  const View state = part["state"].str();
  if (state == "output-available" && !part["preliminary"].boolean()) return CallOutcome::kOutput;
  if (state == "output-error") return CallOutcome::kError;
  if (state == "output-denied") return CallOutcome::kDenied;
  if (state == "approval-responded" && is_open && part["approval"]["id"].is_string())
    return CallOutcome::kDecided;
  return CallOutcome::kNone;
}

void add_approval(Json given, MutableJson call) {
  MutableJson approval = call.edit("approval");
  approval.edit("id").set(given["id"]);
  approval.edit("approved").set(given["approved"].boolean());
  if (given["reason"].is_string()) approval.edit("reason").set(given["reason"]);
}

/// What a call and its result have in common.
struct CallName {
  Json id;
  View name;
  bool is_at_provider;

  void write(MutableJson part) const {
    part.edit("id").set(id);
    part.edit("name").set(name);
    if (is_at_provider) part.edit("provider_executed").set(true);
  }
};

MutableJson add_call(Json part, const CallName& name, ChatMessage& said) {
  const Json input = part["input"].is_null() ? part["rawInput"] : part["input"];
  MutableJson call = said.add("tool-call");
  name.write(call);
  if (input.is_object() || input.is_array()) {
    call.edit("input").set(input);
  } else {
    call.edit("input").set_object();
  }
  add_metadata(part["callProviderMetadata"], call);
  return call;
}

void write_result(Json part, CallOutcome outcome, MutableJson result) {
  if (outcome == CallOutcome::kOutput) return result.edit("output").set(part["output"]);
  result.edit("error").set(true);
  const View reason = part["approval"]["reason"].str();
  const View denial = reason.empty() ? kDenial : reason;
  result.edit("output").set(outcome == CallOutcome::kDenied ? denial : part["errorText"].str());
}

/// A call and its result. Calls without one are left out, as models reject them for the rest of the
/// conversation.
void add_tool(Json part, bool is_open, ChatMessage& said, ChatMessage& results) {
  const View type = part["type"].str();
  const CallName name{
      part["toolCallId"],
      type == "dynamic-tool" ? part["toolName"].str() : type.substr(type.find('-') + 1),
      part["providerExecuted"].boolean()};
  const CallOutcome outcome = outcome_of(part, is_open && !name.is_at_provider);
  if (outcome == CallOutcome::kNone) return;

  MutableJson call = add_call(part, name, said);
  if (outcome == CallOutcome::kDecided) return add_approval(part["approval"], call);
  MutableJson result = (name.is_at_provider ? said : results).add("tool-result");
  name.write(result);
  write_result(part, outcome, result);
}

void add_system(Json parts, MutableJson messages) {
  std::string text;
  for (const Json part : parts) {
    if (part["type"].str() == "text") text.append(part["text"].str());
  }
  if (!text.empty()) ChatMessage(messages, "system").add_text(text);
}

void add_user(Json parts, MutableJson messages) {
  ChatMessage question(messages, "user");
  for (const Json part : parts) {
    const View type = part["type"].str();
    const Json text = part["text"];
    if (type == "text" && !text.str().empty()) add_text(part, type, text, question);
    if (type == "file") add_file(part, type, question);
  }
}

bool ends_step(View type) { return type == "step-start" || type == "steering-message"; }

/// One message for each step of the model, followed by the results of its calls and by what the
/// user said in between.
void add_assistant(Json parts, bool is_last, MutableJson messages) {
  std::ptrdiff_t steps_left = 0;
  if (is_last) {
    for (const Json part : parts) steps_left += ends_step(part["type"].str());
  }

  ChatMessage said(messages, "assistant");
  ChatMessage results(messages, "tool");
  for (const Json part : parts) {
    const View type = part["type"].str();
    if (ends_step(type)) {
      if (type == "steering-message") add_user(part["parts"], messages);
      said = ChatMessage(messages, "assistant");
      results = ChatMessage(messages, "tool");
      --steps_left;
    } else if (type == "text" || type == "reasoning") {
      const Json text = part["text"];
      // A signature that came without a text of its own belongs on an empty part.
      if (!text.str().empty() || part["providerMetadata"].size() > 0)
        add_text(part, type, text, said);
    } else if (type == "file" || type == "reasoning-file") {
      add_file(part, type, said);
    } else if (type == "dynamic-tool" || type.substr(0, 5) == "tool-") {
      add_tool(part, is_last && steps_left == 0, said, results);
    }
  }
}

Status write_messages(Json given, MutableJson messages) {
  std::size_t left = given.size();
  for (const Json message : given) {
    const View role = message["role"].str();
    --left;
    if (role == "system") add_system(message["parts"], messages);
    if (role == "user") add_user(message["parts"], messages);
    if (role == "assistant") add_assistant(message["parts"], left == 0, messages);
  }
  for (const Json message : messages) {
    if (message["role"].str() != "system") return {};
  }
  return Fail{400, "invalid_request", "messages must hold a text or a file that is not empty", {}};
}

}  // namespace
}  // namespace gatehouse::plugins::chat
