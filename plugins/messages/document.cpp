/// Neighbouring messages of one role are one turn. A turn of the assistant becomes one message of
/// the chat document; one of the user becomes the results of the calls of the turn before, then a
/// message with all else, files inside of results too. What no model can use is left out.
#include "document.h"

#include <unordered_map>
#include <vector>

#include "gatehouse/toolkit/backend_tools.hpp"
#include "gatehouse/toolkit/chat_message.hpp"
#include "gatehouse/toolkit/model_options.hpp"
#include "signature.h"

namespace gatehouse::plugins::messages {
namespace {

/// `cache_control` is of use to Anthropic only, and no reason for another provider to fail.
void add_cache_mark(Json block, MutableJson part) {
  const Json mark = block["cache_control"];
  if (mark.is_object()) part.edit("metadata").edit("anthropic").edit("cacheControl").set(mark);
}

/// Calls each(block) for the blocks of a content, and as_text(content) where it is a string.
template <class Text, class Each>
void for_each_block(Json content, Text as_text, Each each) {
  if (content.is_string()) return as_text(content);
  for (const Json block : content) each(block);
}

void write_system_texts(Json content, MutableJson messages) {
  const auto add = [messages](Json text, Json block) {
    if (text.str().empty()) return;
    MutableJson part = ChatMessage(messages, "system").add("text");
    part.edit("text").set(text);
    add_cache_mark(block, part);
  };
  for_each_block(
      content, [&](Json text) { add(text, Json()); },
      [&](Json block) { add(block["text"], block); });
}

class Conversation {
 public:
  Conversation(Exchange& x, const CallIds& ids, MutableJson messages)
      : x_(x), ids_(ids), messages_(messages) {}

  void write(Json given) {
    std::vector<Json> turn;
    View role;
    for (const Json message : given) {
      const View next = message["role"].str();
      if (next == "system") continue;
      if (next != role) write_turn(role, turn);
      if (next != role) turn.clear();
      role = next;
      turn.push_back(message["content"]);
    }
    write_turn(role, turn);
  }

 private:
  void write_turn(View role, const std::vector<Json>& contents) {
    if (role == "assistant") return write_assistant(contents);
    ChatMessage results(messages_, "tool"), rest(messages_, "user");
    for (const Json content : contents) {
      for (const Json block : content) {
        if (block["type"].str() == "tool_result") add_result(block, results.add("tool-result"));
      }
    }
    for (const Json content : contents) {
      for_each_block(
          content, [&](Json text) { add_text(text, Json(), rest); },
          [&](Json block) { add_part(block, rest); });
    }
  }

  void write_assistant(const std::vector<Json>& contents) {
    calls_.clear();
    ChatMessage said(messages_, "assistant");
    for (const Json content : contents) {
      for_each_block(
          content, [&](Json text) { add_text(text, Json(), said); },
          [&](Json block) { add_said(block, said); });
    }
  }

  void add_said(Json block, ChatMessage& said) {
    const View type = block["type"].str();
    if (type == "text") add_text(block["text"], block, said);
    if (type == "thinking") add_thought(block, said);
    if (type == "redacted_thinking") {
      MutableJson thought = said.add("reasoning");
      thought.edit("text").set("");
      thought.edit("metadata").edit("anthropic").edit("redactedData").set(block["data"]);
    }
    if (type == "tool_use") add_call(block, said.add("tool-call"));
  }

  /// Providers return a thought to the API that has signed it, and leave it out for others.
  static void add_thought(Json block, ChatMessage& said) {
    const Document metadata = metadata_of(block["signature"].str());
    const bool is_signed = metadata.root().size() > 0;
    if (block["thinking"].str().empty() && !is_signed) return;
    MutableJson thought = said.add("reasoning");
    thought.edit("text").set(block["thinking"]);
    if (is_signed) thought.edit("metadata").set(Json(metadata.root()));
  }

  void add_call(Json block, MutableJson call) {
    ids_.read(x_, block["id"].str(), call);
    call.edit("name").set(block["name"]);
    call.edit("input").set_object();
    if (block["input"].is_object()) call.edit("input").set(block["input"]);
    add_cache_mark(block, call);
    calls_.emplace(block["id"].str(), block["name"].str());
  }

  /// Its files follow the results, since most APIs take none inside of one.
  void add_result(Json block, MutableJson result) {
    const auto call = calls_.find(block["tool_use_id"].str());
    result.edit("id").set(CallIds::id_from_client(call->first));
    result.edit("name").set(call->second);
    calls_.erase(call);
    if (block["is_error"].boolean()) result.edit("error").set(true);
    std::string output;
    for_each_block(
        block["content"], [&](Json text) { output = text.str(); },
        [&](Json inner) { output.append(text_of(inner)); });
    result.edit("output").set(View(output));
    add_cache_mark(block, result);
  }

  /// What the user sends, or a tool.
  static void add_part(Json block, ChatMessage& to) {
    const View type = block["type"].str();
    if (type == "text") add_text(block["text"], block, to);
    if (type == "search_result") add_whole_text(text_of(block), block, to);
    if (type == "document") add_document(block, to);
    if (type == "image") add_file(block, "image/jpeg", to);
    if (type == "tool_result") {
      for_each_block(
          block["content"], [](Json) {}, [&](Json inner) { add_file_of_result(inner, to); });
    }
  }

  static void add_file_of_result(Json block, ChatMessage& to) {
    const View type = block["type"].str();
    if (type == "image" || type == "document") add_part(block, to);
  }

  static void add_text(Json text, Json block, ChatMessage& to) {
    if (text.str().empty()) return;
    MutableJson part = to.add("text");
    part.edit("text").set(text);
    add_cache_mark(block, part);
  }
  static void add_whole_text(const std::string& text, Json block, ChatMessage& to) {
    if (text.empty()) return;
    MutableJson part = to.add("text");
    part.edit("text").set(View(text));
    add_cache_mark(block, part);
  }

  static void add_document(Json block, ChatMessage& to) {
    const Json source = block["source"], context = block["context"];
    const View type = source["type"].str();
    if (type == "text") {
      const std::string text(source["data"].str());
      return add_whole_text(heading(block["title"], context) + text, block, to);
    }
    if (type != "content") {
      add_whole_text(std::string(context.str()), Json(), to);
      return add_file(block, "application/pdf", to);
    }
    add_whole_text(heading(block["title"], context), Json(), to);
    for_each_block(
        source["content"], [&](Json text) { add_text(text, block, to); },
        [&](Json inner) { add_part(inner, to); });
  }

  /// `otherwise`: the type of a URL without a known extension.
  static void add_file(Json block, View otherwise, ChatMessage& to) {
    const Json source = block["source"], url = source["url"];
    MutableJson file = to.add("file");
    if (source["type"].str() == "url") {
      write_file(url, media_type_of(url.str(), otherwise), file);
    } else {
      write_file(source["data"], source["media_type"].str(), file);
    }
    if (!block["title"].str().empty()) file.edit("name").set(block["title"]);
    add_cache_mark(block, file);
  }

  /// Of a text, a search result or the name of a tool; of others it is empty.
  static std::string text_of(Json block) {
    const View type = block["type"].str();
    if (type == "tool_reference") return std::string(block["tool_name"].str()).append("\n");
    if (type != "search_result") return std::string(block["text"].str());
    std::string text = heading(block["title"], block["source"]);
    for_each_block(
        block["content"], [&](Json content) { text.append(content.str()); },
        [&](Json content) { text.append(content["text"].str()).append("\n"); });
    return text;
  }

  static std::string heading(Json title, Json about) {
    std::string text;
    for (const Json line : {title, about}) {
      if (!line.str().empty()) text.append(line.str()).append("\n");
    }
    return text.empty() ? text : text.append("\n");
  }

  Exchange& x_;
  const CallIds& ids_;
  MutableJson messages_;
  std::unordered_multimap<View, View> calls_;  // of the turn before: names by the client's ids
};

// ---- How to respond -----------------------------------------------------------------------------

void write_tools(Json given, MutableJson chat) {
  chat.edit("tools").set_array();  // also when there are none: the client has said so
  for (const Json tool : given) {
    MutableJson offered = chat.edit("tools").push();
    for (const View member : {"name", "description", "input_schema"}) {
      if (!tool[member].is_null()) offered.edit(member).set(tool[member]);
    }
    add_cache_mark(tool, offered);
  }
}

void write_tool_choice(Json choice, MutableJson chat) {
  const View type = choice["type"].str();
  if (choice["disable_parallel_tool_use"].boolean()) chat.edit("parallel_tool_calls").set(false);
  if (type != "any" && type != "tool" && type != "none") return;
  MutableJson written = chat.edit("tool_choice");
  written.edit("mode").set(type == "none" ? "none" : "required");
  if (type == "tool") written.edit("names").push().set(choice["name"]);
  chat.edit("must").push().set("tool_choice");
}

void write_reasoning(Json thinking, Json effort, MutableJson chat) {
  const View type = thinking["type"].str();
  if (type == "disabled") return chat.edit("reasoning").edit("effort").set("none");
  if (type == "enabled") {
    chat.edit("reasoning").edit("budget_tokens").set(thinking["budget_tokens"]);
  } else if (!effort.is_null()) {
    chat.edit("reasoning").edit("effort").set(effort);
  } else if (!type.empty()) {  // the API's own default; other providers have theirs
    chat.edit("options").edit("anthropic").edit("effort").set("high");
  }
  if (!type.empty() && shows(thinking)) chat.edit("reasoning").edit("visible").set(true);
}

void write_options(Json body, MutableJson chat) {
  static constexpr std::pair<View, View> kMembers[] = {{"max_tokens", "max_output_tokens"},
                                                       {"temperature", "temperature"},
                                                       {"top_p", "top_p"},
                                                       {"top_k", "top_k"},
                                                       {"stop_sequences", "stop"}};
  for (const auto& [theirs, ours] : kMembers) {
    const Json value = body[theirs];
    const bool is_empty = value.is_null() || (value.is_array() && value.size() == 0);
    if (!is_empty) chat.edit(ours).set(value);
  }
  write_tool_choice(body["tool_choice"], chat);
  write_reasoning(body["thinking"], body["output_config"]["effort"], chat);
  // The older name is that of the time before output_config.
  const Json latest = body["output_config"]["format"];
  const Json format = latest.is_null() ? body["output_format"] : latest;
  if (format.is_null()) return;
  chat.edit("response_format").edit("type").set("json");
  chat.edit("response_format").edit("schema").set(format["schema"]);
  chat.edit("must").push().set("response_format");
}

}  // namespace

bool shows(Json thinking) { return thinking["display"].str() != "omitted"; }

Status write_document(Exchange& x, Json body, Purpose purpose, const CallIds& ids) {
  MutableJson chat = x.make_chat();
  chat.edit("model").set(body["model"]);
  MutableJson messages = chat.edit("messages");
  write_system_texts(body["system"], messages);
  for (const Json message : body["messages"]) {
    if (message["role"].str() == "system") write_system_texts(message["content"], messages);
  }
  const std::size_t system_texts = messages.size();
  Conversation(x, ids, messages).write(body["messages"]);
  if (messages.size() == system_texts)
    return Fail{400, "invalid_request", "messages: at least one must not be empty", {}};

  write_tools(body["tools"], chat);
  announce_backend_tools(x, chat);
  write_options(body, chat);
  if (purpose == Purpose::kCount) {
    chat.edit("count_only").set(true);
    chat.edit("must").push().set("count_only");
  }
  return {};
}

}  // namespace gatehouse::plugins::messages
