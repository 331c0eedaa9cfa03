/// The input is a list of items, of which the chat document makes messages. What the model has said
/// until the output of a call, or another speaker, follows is one step; the outputs of its calls
/// stand right behind it, wherever they stand in the input. So each call is joined with its output
/// first, and then the messages are written.
#include "document.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <vector>

#include "body.h"
#include "encrypted_content.h"
#include "gatehouse/toolkit/backend_tools.hpp"
#include "gatehouse/toolkit/chat_message.hpp"
#include "gatehouse/toolkit/conversation.hpp"
#include "gatehouse/toolkit/model_options.hpp"

namespace gatehouse::plugins::responses {
namespace {

Fail wrong_item(std::size_t index, View what) {
  return {400,
          "invalid_request",
          std::string("input[").append(std::to_string(index)).append("]").append(what),
          {}};
}

// ---- Parts --------------------------------------------------------------------------------------

/// The media type is that of a data URL, or what the name or the URL of the file ends in.
void write_input_file(Json part, MutableJson file) {
  const bool is_image = part["type"].str() == "input_image";
  const Json uploaded = is_image ? part["image_url"] : part["file_data"];
  const Json content = uploaded.is_null() ? part["file_url"] : uploaded;
  const Json name = part["filename"];
  const View named = name.str().empty() ? content.str() : name.str();
  write_file(content, media_type_of(named, is_image ? "image/jpeg" : "application/pdf"), file);
  if (!name.str().empty()) file.edit("name").set(name);
}

/// What a user sends, or a tool. `add` makes a part of a type.
template <class Add>
void add_input_part(Json part, Add add) {
  const View type = part["type"].str();
  if (type == "input_text") {
    if (!part["text"].str().empty()) add("text").edit("text").set(part["text"]);
  } else if (type == "input_audio") {
    MutableJson file = add("file");
    const View format = part["input_audio"]["format"].str();
    file.edit("media_type").set(View(std::string("audio/").append(format)));
    file.edit("data").set(part["input_audio"]["data"]);
  } else {
    write_input_file(part, add("file"));
  }
}

/// Of a content that has texts only, which are joined without a separator.
std::string text_of(Json content) {
  std::string text(content.str());
  if (content.is_array()) {
    for (const Json part : content) text.append(part["text"].str(part["refusal"].str()));
  }
  return text;
}

void write_output(Json output, MutableJson result) {
  if (output.is_string()) return result.edit("output").set(output);
  MutableJson parts = result.edit("content");
  parts.set_array();
  for (const Json part : output)
    add_input_part(part, [parts](View type) { return add_part(parts, type); });
}

// ---- Input --------------------------------------------------------------------------------------

class Input {
 public:
  Input(Exchange& x, const CallIds& ids, const StoredItems& stored, MutableJson messages)
      : x_(x), ids_(ids), referred_(x, stored), messages_(messages) {}

  Status write(Json items) {
    if (Status s = join(items); !s) return s;
    for (const Item& item : items_) {
      if (Status s = write(item); !s) return s;
    }
    return {};
  }

 private:
  struct Item {
    std::size_t index;
    Json given;
    View type;
    Json part;    // of the chat document, in place of a reference
    Json output;  // of a call
  };

  /// Finds the items that are referred to, and the output of each call.
  Status join(Json items) {
    for (const Json given : items) {
      Item item{items_.size(), given, type_of_item(given), Json(), Json()};
      if (item.type == "item_reference") {
        auto part = referred_.find(given["id"].str());
        if (!part) return unavailable(part.error());
        if (!*part) return unknown(item.index);
        item.part = *part;
      }
      items_.push_back(item);
      if (Status s = join_call(item); !s) return s;
    }
    return check_calls();
  }

  Status check_calls() const {
    std::size_t first = items_.size();
    for (const auto& [id, calls] : open_calls_) {
      if (!calls.empty()) first = std::min(first, calls.front());
    }
    if (first == items_.size()) return {};
    return wrong_item(first, " needs a function_call_output with its call_id");
  }

  /// Several calls of a conversation may have one id: some models count them from 0 in each step.
  Status join_call(const Item& item) {
    if (item.type == "function_call_output") {
      auto& calls = open_calls_[CallIds::id_from_client(item.given["call_id"].str())];
      if (calls.empty()) return wrong_item(item.index, ".call_id is of no function_call before it");
      items_[calls.front()].output = item.given["output"];
      calls.pop_front();
    } else if (item.type == "function_call") {
      open_calls_[CallIds::id_from_client(item.given["call_id"].str())].push_back(item.index);
    } else if (item.part["type"].str() == "tool-call") {
      open_calls_[item.part["id"].str()].push_back(item.index);
    }
    return {};
  }

  Status write(const Item& item) {
    if (item.type == "message") return write_message(item.given);
    if (item.type == "function_call") return write_call(item);
    if (item.type == "reasoning") return write_reasoning(item.given);
    if (item.type == "item_reference") return write_referred(item);
    end_step();
    return {};
  }

  Status write_message(Json message) {
    const View role = message["role"].str();
    const Json content = message["content"];
    if (role == "assistant") {
      if (const std::string text = text_of(content); !text.empty()) said_.add_text(text);
    } else if (role == "user") {
      end_step();
      write_user(content);
    }
    return {};
  }

  void write_user(Json content) {
    ChatMessage message(messages_, "user");
    if (!content.str().empty()) message.add_text(content.str());
    if (!content.is_array()) return;
    for (const Json part : content)
      add_input_part(part, [&message](View type) { return message.add(type); });
  }

  Status write_call(const Item& item) {
    const View text = item.given["arguments"].str();
    auto input = Document::parse(is_blank(text) ? View("{}") : text);
    if (!input || !input->root().is_object())
      return wrong_item(item.index, ".arguments must be the JSON text of an object");
    MutableJson call = said_.add("tool-call");
    ids_.read(x_, item.given["call_id"].str(), call);
    call.edit("name").set(item.given["name"]);
    call.edit("input").set(Json(input->root()));
    write_result(call, item.output);
    return {};
  }

  void write_result(Json call, Json output) {
    MutableJson result = results_.add("tool-result");
    result.edit("id").set(call["id"]);
    result.edit("name").set(call["name"]);
    write_output(output, result);
  }

  /// Reasoning without the signature of a model is of no use to one.
  Status write_reasoning(Json item) {
    const auto content = reasoning_of(item["encrypted_content"].str());
    if (!content) return {};
    MutableJson part = said_.add("reasoning");
    part.edit("text").set(content->root()["text"]);
    part.edit("metadata").set(content->root()["metadata"]);
    return {};
  }

  Status write_referred(const Item& item) {
    MutableJson part = said_.add(item.part["type"].str());
    part.set(item.part);
    if (item.part["type"].str() == "tool-call") write_result(part, item.output);
    return {};
  }

  void end_step() {
    said_ = ChatMessage(messages_, "assistant");
    results_ = ChatMessage(messages_, "tool");
  }

  static Status unknown(std::size_t index) {
    Fail fail = wrong_item(index,
                           ".id names an item that is not stored here, or not any more: "
                           "send the item itself, as clients do with store: false");
    fail.http_status = 404;
    fail.code = "item_not_found";
    return fail;
  }
  static Status unavailable(Status status) {
    if (status.code() != GH_UNAVAILABLE) return status;
    return Fail{503,
                "store_unavailable",
                "Stored items cannot be read now; try again, or send the items themselves.",
                {}};
  }

  Exchange& x_;
  const CallIds& ids_;
  ReferredItems referred_;
  MutableJson messages_;
  std::vector<Item> items_;
  std::unordered_map<View, std::deque<std::size_t>> open_calls_;  // without output, by short id
  // The step that is being written.
  ChatMessage said_{messages_, "assistant"};
  ChatMessage results_{messages_, "tool"};
};

void write_system_text(const std::string& text, MutableJson messages) {
  if (!text.empty()) ChatMessage(messages, "system").add_text(text);
}

Status write_input(Exchange& x, Json body, const CallIds& ids, const StoredItems& stored,
                   MutableJson messages) {
  const Json input = body["input"];
  write_system_text(std::string(body["instructions"].str()), messages);
  if (input.is_string()) {
    if (!input.str().empty()) ChatMessage(messages, "user").add_text(input.str());
  } else {
    for (const Json item : input) {
      const View role = item["role"].str();
      if (role == "system" || role == "developer")
        write_system_text(text_of(item["content"]), messages);
    }
    if (Status s = Input(x, ids, stored, messages).write(input); !s) return s;
  }
  for (const Json message : messages) {
    if (message["role"].str() != "system") return {};
  }
  return Fail{400, "invalid_request", "input must hold a text or a file that is not empty", {}};
}

// ---- How to respond -----------------------------------------------------------------------------

void write_tools(Json given, MutableJson chat) {
  static constexpr std::pair<View, View> kMembers[] = {
      {"name", "name"}, {"description", "description"}, {"parameters", "input_schema"}};
  chat.edit("tools").set_array();  // also when there are none: the client has said so
  for (const Json tool : given) {
    MutableJson offered = chat.edit("tools").push();
    for (const auto& [theirs, ours] : kMembers) {
      if (!tool[theirs].is_null()) offered.edit(ours).set(tool[theirs]);
    }
  }
}

void write_tool_choice(Json choice, MutableJson chat) {
  const View word = choice.is_string() ? choice.str() : choice["type"].str();
  if (word.empty() || word == "auto") return;
  MutableJson written = chat.edit("tool_choice");
  written.edit("mode").set(word == "function" ? View("required") : word);
  if (word == "allowed_tools") written.edit("mode").set(choice["mode"]);
  if (word == "function") written.edit("names").push().set(choice["name"]);
  for (const Json tool : choice["tools"]) written.edit("names").push().set(tool["name"]);
}

void write_format(Json format, MutableJson chat) {
  const View type = format["type"].str();
  if (type != "json_object" && type != "json_schema") return;
  MutableJson written = chat.edit("response_format");
  written.edit("type").set("json");
  for (const View member : {"schema", "name"}) {
    if (type == "json_schema" && !format[member].is_null())
      written.edit(member).set(format[member]);
  }
}

void write_options(Json body, MutableJson chat) {
  for (const View member : {"max_output_tokens", "temperature", "top_p", "parallel_tool_calls"}) {
    if (!body[member].is_null()) chat.edit(member).set(body[member]);
  }
  write_tool_choice(body["tool_choice"], chat);
  write_format(body["text"]["format"], chat);
  write_must(chat);
  const Json effort = body["reasoning"]["effort"];
  if (!effort.is_null()) chat.edit("reasoning").edit("effort").set(effort);
}

}  // namespace

Status write_document(Exchange& x, Json body, const CallIds& ids, const StoredItems& stored) {
  MutableJson chat = x.make_chat();
  chat.edit("model").set(body["model"]);
  write_tools(body["tools"], chat);
  announce_backend_tools(x, chat);
  write_options(body, chat);
  return write_input(x, body, ids, stored, chat.edit("messages"));
}

}  // namespace gatehouse::plugins::responses
