/// System messages go to the front, wherever they stand: few APIs have another place for them, and
/// as the user's words they would lose their authority. Each assistant message is a step of the
/// model; the tool messages behind it become one message with all results. Empty texts are left
/// out.
#include "document.h"

#include <algorithm>
#include <vector>

#include "gatehouse/toolkit/chat_message.hpp"
#include "gatehouse/toolkit/model_options.hpp"

namespace gatehouse::plugins::completions {
namespace {

bool is_system(Json message) {
  return message["role"].str() == "system" || message["role"].str() == "developer";
}

/// Of a string, or of parts that are texts or refusals.
std::string text_of(Json content) {
  if (content.is_string()) return std::string(content.str());
  std::string text;
  for (const Json part : content) {
    text.append(part["text"].str());
    if (part["type"].str() == "refusal") text.append(part["refusal"].str());
  }
  return text;
}

void add_content(Json content, ChatMessage& message) {
  if (content.str().empty() && !content.is_array()) return;
  if (content.is_string()) return message.add("text").edit("text").set(content);
  if (const std::string text = text_of(content); !text.empty()) message.add_text(text);
}

class Conversation {
 public:
  Conversation(Exchange& x, const CallIds& ids, MutableJson messages)
      : x_(x), ids_(ids), messages_(messages) {}

  void add(Json message) {
    const View role = message["role"].str();
    if (role == "tool") return add_result(message);
    if (role == "user") return add_user(message["content"]);
    if (role == "assistant") return add_assistant(message);
    ChatMessage system(messages_, "system");
    add_content(message["content"], system);
  }

 private:
  void add_user(Json content) {
    ChatMessage user(messages_, "user");
    if (content.is_string()) return add_content(content, user);
    for (const Json part : content) add_user_part(part, user);
  }

  static void add_user_part(Json part, ChatMessage& user) {
    const View type = part["type"].str();
    if (type == "text") {
      if (!part["text"].str().empty()) user.add("text").edit("text").set(part["text"]);
      return;
    }
    MutableJson file = user.add("file");
    if (type == "image_url") {
      const Json url = part["image_url"]["url"];
      write_file(url, media_type_of(url.str(), "image/*"), file);
    } else if (type == "input_audio") {
      const Json audio = part["input_audio"];
      write_file(audio["data"], std::string("audio/").append(audio["format"].str()), file);
    } else {
      const Json data = part["file"]["file_data"];
      write_file(data, media_type_of(data.str(), "application/pdf"), file);
      if (!part["file"]["filename"].str().empty()) file.edit("name").set(part["file"]["filename"]);
    }
  }

  void add_assistant(Json message) {
    ChatMessage said(messages_, "assistant");
    add_content(message["content"], said);
    calls_.clear();
    for (const Json call : message["tool_calls"]) {
      calls_.push_back(call);
      add_call(call, said.add("tool-call"));
    }
    results_ = ChatMessage(messages_, "tool");
  }

  void add_call(Json given, MutableJson call) {
    ids_.read(x_, given["id"].str(), call);
    call.edit("name").set(given["function"]["name"]);
    call.edit("input").set_object();
    if (auto input = Document::parse(given["function"]["arguments"].str()))
      call.edit("input").set(Json(input->root()));
    // Where Google's own endpoint for OpenAI's clients puts it, and some clients keep it.
    const Json signature = given["extra_content"]["google"]["thought_signature"];
    if (signature.is_string())
      call.edit("metadata").edit("google").edit("thoughtSignature").set(signature);
  }

  /// The model reads a result as the text that it is: JSON in it is not for the gateway to parse.
  void add_result(Json message) {
    const View id = message["tool_call_id"].str();
    const auto call =
        std::find_if(calls_.begin(), calls_.end(), [id](Json c) { return c["id"].str() == id; });
    if (call == calls_.end()) return;  // check_body() lets none pass
    MutableJson result = results_.add("tool-result");
    result.edit("id").set(CallIds::id_from_client(id));
    result.edit("name").set((*call)["function"]["name"]);
    result.edit("output").set(View(text_of(message["content"])));
  }

  Exchange& x_;
  const CallIds& ids_;
  MutableJson messages_;
  std::vector<Json> calls_;  // of the last assistant message
  ChatMessage results_{messages_, "tool"};
};

Status write_messages(Exchange& x, Json given, const CallIds& ids, MutableJson messages) {
  Conversation conversation(x, ids, messages);
  for (const Json message : given) {
    if (is_system(message)) conversation.add(message);
  }
  for (const Json message : given) {
    if (!is_system(message)) conversation.add(message);
  }
  for (const Json message : messages) {
    if (message["role"].str() != "system") return {};
  }
  return Fail{400, "invalid_request", "messages must hold a text or a file that is not empty", {}};
}

bool is_allowed(Json tool, Json choice) {
  if (choice["type"].str() != "allowed_tools") return true;
  for (const Json one : choice["allowed_tools"]["tools"]) {
    if (one["function"]["name"].str() == tool["function"]["name"].str()) return true;
  }
  return false;
}

void write_tools(Json body, MutableJson chat) {
  if (!body["tools"].is_array()) return;
  chat.edit("tools").set_array();
  for (const Json tool : body["tools"]) {
    if (!is_allowed(tool, body["tool_choice"])) continue;
    const Json function = tool["function"];
    MutableJson offered = chat.edit("tools").push();
    offered.edit("name").set(function["name"]);
    if (!function["description"].is_null())
      offered.edit("description").set(function["description"]);
    if (!function["parameters"].is_null()) offered.edit("input_schema").set(function["parameters"]);
  }
}

/// The tools of allowed_tools have been selected by then.
void write_choice(Json choice, MutableJson chat) {
  if (choice.is_null()) return;
  MutableJson out = chat.edit("tool_choice");
  const View mode = choice["allowed_tools"]["mode"].str(choice.str("required"));
  out.edit("mode").set(mode);
  if (const Json name = choice["function"]["name"]) out.edit("names").push().set(name);
}

void write_format(Json format, MutableJson chat) {
  if (format.is_null() || format["type"].str() == "text") return;
  MutableJson out = chat.edit("response_format");
  out.edit("type").set("json");
  const Json schema = format["json_schema"];
  if (schema["schema"].is_object()) out.edit("schema").set(schema["schema"]);
  if (!schema["name"].str().empty()) out.edit("name").set(schema["name"]);
}

void write_settings(Json body, bool shows_reasoning, MutableJson chat) {
  for (const View name : {"temperature", "top_p", "presence_penalty", "frequency_penalty", "seed",
                          "parallel_tool_calls"}) {
    if (!body[name].is_null()) chat.edit(name).set(body[name]);
  }
  for (const View name : {"max_tokens", "max_completion_tokens"}) {  // the second takes precedence
    if (!body[name].is_null()) chat.edit("max_output_tokens").set(body[name]);
  }
  const Json stop = body["stop"];
  if (!stop.str().empty()) chat.edit("stop").push().set(stop);
  for (const Json text : stop) {
    if (!text.str().empty()) chat.edit("stop").push().set(text);
  }
  const Json effort = body["reasoning_effort"];
  if (effort.is_null()) return;
  chat.edit("reasoning").edit("effort").set(effort);
  chat.edit("reasoning").edit("visible").set(shows_reasoning);
}

}  // namespace

Status write_document(Exchange& x, Json body, const CallIds& ids, bool shows_reasoning,
                      MutableJson chat) {
  chat.edit("model").set(body["model"]);
  write_settings(body, shows_reasoning, chat);
  write_tools(body, chat);
  write_choice(body["tool_choice"], chat);
  write_format(body["response_format"], chat);
  write_must(chat);
  return write_messages(x, body["messages"], ids, chat.edit("messages"));
}

}  // namespace gatehouse::plugins::completions
