#include "document.h"

#include <unordered_map>

#include "gatehouse/toolkit/data_url.hpp"
#include "options.h"

namespace gatehouse::plugins::chat {
namespace {

/// A message of the chat document that comes into being with its first part: models refuse messages
/// without any.
class Message {
 public:
  Message(MutableJson messages, View role) : messages_(messages), role_(role) {}

  MutableJson add(View type) {
    if (!content_) {
      MutableJson message = messages_.push();
      message.edit("role").set(role_);
      content_ = message.edit("content");
    }
    MutableJson part = content_.push();
    part.edit("type").set(type);
    return part;
  }

 private:
  MutableJson messages_;
  View role_;
  MutableJson content_;
};

// What the model reads of a call that the user has refused without giving a reason.
constexpr View kDenial = "The user denied this tool call.";
// Of the kinds of chunks that a client may accept: those that plugins further down ask for.
constexpr View kAcceptable[] = {"tool-approval-request"};

/// Signatures of the model on its earlier words. It refuses or forgets them unless they come back
/// unchanged.
void add_metadata(Json metadata, MutableJson to) {
  if (!metadata.is_null()) to.edit("metadata").set(metadata);
}

/// Text or reasoning.
void add_text(Json part, View type, Message& message) {
  MutableJson text = message.add(type);
  text.edit("text").set(part["text"]);
  add_metadata(part["providerMetadata"], text);
}

void add_file(Json part, View type, Message& message) {
  MutableJson file = message.add(type);
  const Json url = part["url"];
  View media_type = part["mediaType"].str();
  if (const auto data = parse_data_url(url.str())) {
    if (!data->media_type.empty()) media_type = data->media_type;
    if (data->is_base64) {
      file.edit("data").set(data->data);
    } else {
      file.edit("data").set(base64_of(data->data));
    }
  } else {
    file.edit(url.str().find(':') == View::npos ? "data" : "url").set(url);
  }
  // What the AI SDK makes of an image whose kind it does not know; AI SDK 7 calls such a one just
  // "image".
  file.edit("media_type")
      .set(media_type == "image/*" || media_type == "image" ? "image/jpeg" : media_type);
  if (!part["filename"].str().empty()) file.edit("name").set(part["filename"]);
  add_metadata(part["providerMetadata"], file);
}

/// How a call came out, as far as the client knows.
enum class Outcome { kNone, kOutput, kError, kDenied, kDecided };

/// `is_open`: it belongs to the step that this request goes on with, so what the user says to a
/// question about it counts.
Outcome outcome_of(Json part, bool is_open) {
  const View state = part["state"].str();
  if (state == "output-available" && !part["preliminary"].boolean()) return Outcome::kOutput;
  if (state == "output-error") return Outcome::kError;
  if (state == "output-denied") return Outcome::kDenied;
  if (state == "approval-responded" && is_open && part["approval"]["id"].is_string())
    return Outcome::kDecided;
  return Outcome::kNone;
}

void add_approval(Json given, MutableJson call) {
  MutableJson approval = call.edit("approval");
  approval.edit("id").set(given["id"]);
  approval.edit("approved").set(given["approved"].boolean());
  if (given["reason"].is_string()) approval.edit("reason").set(given["reason"]);
}

/// A call and its answer. Calls without one are left out, as models refuse them for the rest of the
/// conversation.
void add_tool(Json part, bool is_open, Message& answer, Message& results) {
  const bool at_provider = part["providerExecuted"].boolean();
  const Outcome outcome = outcome_of(part, is_open && !at_provider);
  if (outcome == Outcome::kNone) return;

  const View type = part["type"].str();
  const View name =
      type == "dynamic-tool" ? part["toolName"].str() : type.substr(type.find('-') + 1);
  const Json given = part["input"].is_null() ? part["rawInput"] : part["input"];
  MutableJson call = answer.add("tool-call");
  call.edit("id").set(part["toolCallId"]);
  call.edit("name").set(name);
  MutableJson input = call.edit("input");
  if (given.is_object() || given.is_array()) {
    input.set(given);
  } else {
    input.set_object();
  }
  add_metadata(part["callProviderMetadata"], call);
  if (at_provider) call.edit("provider_executed").set(true);
  if (outcome == Outcome::kDecided) return add_approval(part["approval"], call);

  MutableJson result = (at_provider ? answer : results).add("tool-result");
  result.edit("id").set(part["toolCallId"]);
  result.edit("name").set(name);
  if (outcome == Outcome::kOutput) result.edit("output").set(part["output"]);
  if (outcome == Outcome::kError) result.edit("error").set(part["errorText"]);
  if (outcome == Outcome::kDenied) {
    const View reason = part["approval"]["reason"].str();
    result.edit("error").set(reason.empty() ? kDenial : reason);
  }
  if (at_provider) result.edit("provider_executed").set(true);
}

void add_system(Json parts, MutableJson messages) {
  std::string text;
  for (const Json part : parts) {
    if (part["type"].str() == "text") text.append(part["text"].str());
  }
  if (!text.empty()) Message(messages, "system").add("text").edit("text").set(View(text));
}

void add_user(Json parts, MutableJson messages) {
  Message question(messages, "user");
  for (const Json part : parts) {
    const View type = part["type"].str();
    if (type == "text" && !part["text"].str().empty()) add_text(part, type, question);
    if (type == "file") add_file(part, type, question);
  }
}

bool ends_step(Json part) {
  return part["type"].str() == "step-start" || part["type"].str() == "steering-message";
}

/// One message for each step of the model, followed by the answers to its calls, and by what the
/// user threw in.
void add_assistant(Json parts, bool is_last, MutableJson messages) {
  std::ptrdiff_t steps_left = 0;
  for (const Json part : parts) steps_left += ends_step(part);

  Message answer(messages, "assistant");
  Message results(messages, "tool");
  for (const Json part : parts) {
    const View type = part["type"].str();
    if (ends_step(part)) {
      if (type == "steering-message") add_user(part["parts"], messages);
      answer = Message(messages, "assistant");
      results = Message(messages, "tool");
      --steps_left;
    } else if (type == "text" || type == "reasoning") {
      // A signature that came without a text of its own belongs on an empty part.
      if (!part["text"].str().empty() || part["providerMetadata"].size() > 0)
        add_text(part, type, answer);
    } else if (type == "file" || type == "reasoning-file") {
      add_file(part, type, answer);
    } else if (type == "dynamic-tool" || type.substr(0, 5) == "tool-") {
      add_tool(part, is_last && steps_left == 0, answer, results);
    }
  }
}

bool contains(Json texts, View text) {
  for (const Json each : texts) {
    if (each.str() == text) return true;
  }
  return false;
}

/// An empty list allows everything.
bool allows(Json names, View name) { return names.size() == 0 || contains(names, name); }

/// Tools that run in the client are offered as announced; of those that may run on this side only
/// the name counts, because whoever runs them knows them better.
void add_tools(Json announced, Json allowed, MutableJson chat) {
  std::unordered_map<View, const gh_json*>
      latest;  // a later announcement of a name replaces an earlier one
  for (const Json tool : announced) latest[tool["name"].str()] = tool.raw();
  for (const Json tool : announced) {
    const View name = tool["name"].str();
    if (latest[name] != tool.raw() || !allows(allowed, name)) continue;
    const View location = tool["mcp"]["executionLocation"].str();
    if (location == "backend" || location == "either")
      chat.edit("backend_tools").push().set(tool["name"]);
    if (location == "backend") continue;
    MutableJson offered = chat.edit("tools").push();
    offered.edit("name").set(tool["name"]);
    if (!tool["description"].is_null()) offered.edit("description").set(tool["description"]);
    if (!tool["inputSchema"].is_null()) offered.edit("input_schema").set(tool["inputSchema"]);
  }
}

}  // namespace

Status write_document(Json body, const Defaults& defaults, MutableJson chat) {
  const auto fill_in = [&chat](View name, auto value) {
    if (!chat[name]) chat.edit(name).set(value);
  };
  const View model = body["model"].str(defaults.model);
  fill_in("model", body["modelConfig"]["remoteModel"].str(model));
  if (chat["system"].size() == 0 && !defaults.system_prompt.empty())
    chat.edit("system").push().set(defaults.system_prompt);
  if (const View context = body["initialPageContext"].str(); !context.empty()) {
    chat.edit("system").push().set(std::string("\n\n[INITIAL PAGE CONTEXT]\n").append(context));
  }
  write_options(body["modelOptions"], chat);
  if (defaults.temperature) fill_in("temperature", *defaults.temperature);
  if (defaults.max_output_tokens) fill_in("max_output_tokens", *defaults.max_output_tokens);
  if (defaults.reasoning) chat.edit("reasoning").set(true);
  for (const View kind : kAcceptable) {
    if (contains(body["accepts"], kind)) chat.edit("accepts").push().set(kind);
  }

  MutableJson messages = chat.edit("messages");
  std::size_t left = body["messages"].size();
  for (const Json message : body["messages"]) {
    const View role = message["role"].str();
    --left;
    if (role == "system") add_system(message["parts"], messages);
    if (role == "user") add_user(message["parts"], messages);
    if (role == "assistant") add_assistant(message["parts"], left == 0, messages);
  }
  const Json allowed = chat["allowed_tools"];
  add_tools(body["toolSchemas"], allowed, chat);
  chat.erase(allowed);

  for (const Json message : messages) {
    if (message["role"].str() != "system") return {};
  }
  return Fail{400, "invalid_request", "messages must hold a text or a file that is not empty", {}};
}

}  // namespace gatehouse::plugins::chat
