/// A request for chat completions is written straight into a string, in one pass over the chat
/// document. What it cannot carry was found by check_chat() before, by the same rules.
#include "request.h"

#include "gatehouse/toolkit/data_url.hpp"

namespace gatehouse::plugins::openai {
namespace {

// https://platform.openai.com/docs/api-reference/chat/create
constexpr std::size_t kMaxStops = 4;

/// Members of the chat document that have the same name and value here.
constexpr View kSampling[] = {"temperature", "top_p", "presence_penalty", "frequency_penalty"};
constexpr View kOwn[] = {"model",
                         "messages",
                         "tools",
                         "tool_choice",
                         "stream",
                         "stream_options",
                         "max_tokens",
                         "stop",
                         "max_completion_tokens",
                         "seed",
                         "temperature",
                         "top_p",
                         "n",
                         "functions",
                         "presence_penalty",
                         "function_call",
                         "response_format",
                         "frequency_penalty",
                         "reasoning_effort",
                         "parallel_tool_calls"};

View audio_format(View type) {
  if (type == "audio/wav" || type == "audio/x-wav") return "wav";
  return type == "audio/mpeg" || type == "audio/mp3" ? "mp3" : "";
}

/// The text of a part of the user, or of a file that goes as one.
std::optional<std::string> text_in(Json part) {
  if (part["type"].str() == "text") return std::string(part["text"].str());
  if (!is_text_type(plain_type(part["media_type"].str()))) return std::nullopt;
  return text_of(part);
}

bool is_readable(Json file) {
  const std::string type = plain_type(file["media_type"].str());
  if (!file["data"]) return is_common_image(type) && file["url"].str().substr(0, 4) == "http";
  const bool is_sent =
      is_common_image(type) || type == "application/pdf" || !audio_format(type).empty();
  return is_sent ? is_base64(file["data"].str()) : text_in(file).has_value();
}

/// A tool that another provider ran, and what another provider drew, has no form here.
bool is_left_out(Json part) {
  const View type = part["type"].str();
  return part["provider_executed"].boolean() || type == "file" || type == "reasoning-file";
}

/// As MCP has them, whose results these are.
std::string result_text(Json result) {
  if (!result["content"].is_array()) return output_text(result["output"]);
  std::string out;
  JsonText json(out);
  json.open('{').key("content").open('[');
  for (const Json part : result["content"]) {
    const std::string type = plain_type(part["media_type"].str());
    const bool is_text = part["type"].str() == "text";
    const View kind = is_text ? View("text") : View(type).substr(0, type.find('/'));
    json.open('{').member("type", kind);
    if (is_text) {
      json.member("text", part["text"]);
    } else {
      json.member(part["data"] ? "data" : "uri", part["data"] ? part["data"] : part["url"]);
      json.member("mimeType", type);
    }
    json.close('}');
  }
  json.close(']');
  if (const Json structured = result["structured"]) json.member("structuredContent", structured);
  if (result["error"].boolean()) json.member("isError", true);
  json.close('}');
  return out;
}

class RequestWriter {
 public:
  RequestWriter(Json chat, const Dialect& dialect, ChatNames& names)
      : chat_(chat), dialect_(dialect), names_(names), json_(out_) {}

  std::string write(Json extra) {
    json_.open('{').member("model", chat_["model"]);
    append_generation(is_reasoning_model(chat_["model"].str()));
    json_.key("messages").open('[');
    append_messages();
    json_.close(']');
    append_tools();
    append_format();
    json_.member("stream", true);
    if (dialect_.stream_options)
      json_.key("stream_options").open('{').member("include_usage", true).close('}');
    append_extra(extra);
    json_.close('}');
    return std::move(out_);
  }

 private:
  void append_generation(bool is_reasoning) {
    const Json limit = chat_["max_output_tokens"];
    if (limit) json_.member(is_reasoning ? View("max_completion_tokens") : dialect_.limit, limit);
    for (const View name : kSampling) {
      if (chat_[name] && !is_reasoning) json_.member(name, chat_[name]);
    }
    if (chat_["seed"]) json_.member("seed", chat_["seed"]);
    if (chat_["stop"].size() > 0 && !is_reasoning) {
      json_.key("stop").open('[');
      std::size_t left = kMaxStops;
      for (const Json stop : chat_["stop"]) {
        if (left-- == 0) break;
        json_.value(stop);
      }
      json_.close(']');
    }
    const View effort = effort_of(chat_["model"].str(), chat_["reasoning"]);
    if (!effort.empty() && (is_reasoning || dialect_.effort))
      json_.member("reasoning_effort", effort);
  }

  void append_messages() {
    if (const std::string system = system_text(chat_); !system.empty())
      json_.open('{').member("role", "system").member("content", View(system)).close('}');
    for_each_turn(
        chat_, [this](Json message) { append_user(message["content"]); },
        [this](Json message, const CallResults& calls) { append_step(message["content"], calls); });
  }

  /// One text is a plain string: small servers reject a list.
  void append_user(Json content) {
    if (content.size() == 0) return;
    json_.open('{').member("role", "user").key("content");
    const auto only = content.size() == 1 ? text_in(content.at(0)) : std::nullopt;
    if (only) {
      json_.value(View(*only));
    } else {
      json_.open('[');
      for (const Json part : content) append_part(part);
      json_.close(']');
    }
    json_.close('}');
  }

  void append_part(Json part) {
    json_.open('{');
    if (const auto text = text_in(part)) {
      json_.member("type", "text").member("text", View(*text));
    } else {
      append_file(part, plain_type(part["media_type"].str()));
    }
    json_.close('}');
  }

  void append_file(Json file, const std::string& type) {
    if (const View format = audio_format(type); !format.empty()) {
      json_.member("type", "input_audio").key("input_audio").open('{');
      json_.member("data", file["data"]).member("format", format).close('}');
    } else if (is_common_image(type)) {
      json_.member("type", "image_url").key("image_url").open('{').key("url");
      append_url(file, type);
      json_.close('}');
    } else {
      json_.member("type", "file").key("file").open('{');
      json_.member("filename", file["name"].str("document.pdf")).key("file_data");
      append_url(file, type);
      json_.close('}');
    }
  }

  /// Base64 needs no escaping, and may have 20 MB.
  void append_url(Json file, const std::string& type) {
    if (!file["data"]) {
      json_.value(file["url"]);
      return;
    }
    json_.raw("\"data:");
    out_.append(type).append(";base64,").append(file["data"].str()).push_back('"');
  }

  /// What the model emitted in one step, and the results of its calls.
  void append_step(Json content, const CallResults& calls) {
    std::string text, reasoning;
    for (const Json part : content) {
      if (part["type"].str() == "text") text.append(part["text"].str());
      if (part["type"].str() == "reasoning") reasoning.append(part["text"].str());
    }
    if (text.empty() && calls.empty()) return;
    json_.open('{').member("role", "assistant").key("content");
    if (text.empty()) {
      json_.raw("null");
    } else {
      json_.value(View(text));
    }
    if (!calls.empty()) append_calls(reasoning, calls);
    json_.close('}');
    for (const auto& [call, result] : calls) {
      json_.open('{').member("role", "tool");
      json_.member("tool_call_id", names_.calls.out(call["id"].str()));
      json_.member("content", View(result_text(result))).close('}');
    }
  }

  /// Only beside calls: there DeepSeek and Moonshot demand the reasoning, elsewhere it is ignored
  /// or rejected.
  void append_calls(const std::string& reasoning, const CallResults& calls) {
    const bool has_reasoning = !reasoning.empty() || dialect_.empty_reasoning;
    if (has_reasoning && !dialect_.reasoning_field.empty())
      json_.member(dialect_.reasoning_field, View(reasoning));
    json_.key("tool_calls").open('[');
    for (const auto& [call, result] : calls) {
      std::string arguments;
      append_input(arguments, call["input"]);
      json_.open('{').member("id", names_.calls.out(call["id"].str()));
      json_.member("type", "function").key("function").open('{');
      json_.member("name", names_.tools.out(call["name"].str()));
      json_.member("arguments", View(arguments)).close('}');
      if (const Json more = call["metadata"]["openai"]["extraContent"])
        json_.member("extra_content", more);
      json_.close('}');
    }
    json_.close(']');
  }

  void append_tools() {
    std::vector<Json> tools = offered_tools(chat_);
    if (dialect_.max_tools > 0 && tools.size() > dialect_.max_tools)
      tools.resize(dialect_.max_tools);
    if (tools.empty()) return;
    json_.key("tools").open('[');
    for (const Json tool : tools) {
      json_.open('{').member("type", "function").key("function").open('{');
      json_.member("name", names_.tools.out(tool["name"].str()));
      if (tool["description"]) json_.member("description", tool["description"]);
      json_.key("parameters");
      append_arguments_schema(out_, tool["input_schema"]);
      json_.close('}').close('}');
    }
    json_.close(']');
    const View mode = chat_["tool_choice"]["mode"].str();
    if (mode == "none" || mode == "required") json_.member("tool_choice", mode);
    const Json parallel = chat_["parallel_tool_calls"];
    if (parallel && !is_o_series(chat_["model"].str()))
      json_.member("parallel_tool_calls", parallel);
  }

  void append_format() {
    const Json format = chat_["response_format"], schema = format["schema"];
    if (format["type"].str() != "json") return;
    json_.key("response_format").open('{');
    json_.member("type", schema ? "json_schema" : "json_object");
    if (schema) {
      json_.key("json_schema").open('{').member("name", format["name"].str("response"));
      json_.member("schema", schema).close('}');
    }
    json_.close('}');
  }

  /// Members of the operator, which those of the chat replace.
  void append_extra(Json extra) {
    const Json options = chat_["options"]["openai"];
    for (const auto [name, value] : extra.members()) {
      if (!options[name]) json_.any_key(name).value(value);
    }
    for (const auto [name, value] : options.members()) {
      if (!is_own_member(name)) json_.any_key(name).value(value);
    }
  }

  const Json chat_;
  const Dialect& dialect_;
  ChatNames& names_;
  std::string out_;
  JsonText json_;
};

void check_reasoning(View model, Json reasoning, const Dialect& dialect, Unhonoured& unhonoured) {
  const View effort = effort_of(model, reasoning), wanted = reasoning["effort"].str();
  const bool is_off = effort.empty() || wanted == "none";
  if (!is_reasoning_model(model) && !dialect.effort) {
    if (!is_off) unhonoured.add("reasoning", "the model does not reason");
  } else if (reasoning["budget_tokens"] || wanted != effort) {
    unhonoured.add("reasoning", "the model uses " + std::string(effort) + " instead");
  }
}

void check_generation(Json chat, const Dialect& dialect, Unhonoured& unhonoured) {
  const bool is_reasoning = is_reasoning_model(chat["model"].str());
  for (const View name : kSampling) {
    if (chat[name] && is_reasoning) unhonoured.add(name, "the model does not accept it");
  }
  if (chat["stop"] && is_reasoning) unhonoured.add("stop", "the model does not accept it");
  check_reasoning(chat["model"].str(), chat["reasoning"], dialect, unhonoured);
  if (chat["stop"].size() > kMaxStops)
    unhonoured.add("stop", "the API accepts 4 texts, and uses the first ones");
  const Json modalities = chat["modalities"];
  if (modalities.size() > 1 || (modalities.size() == 1 && modalities.at(0).str() != "text"))
    unhonoured.add("modalities", "the model responds with text");
  const View format = chat["response_format"]["type"].str("json");
  if (format != "json") unhonoured.add("response_format", "the only known type is `json`");
  for (const auto [name, value] : chat["options"]["openai"].members()) {
    if (is_own_member(name))
      unhonoured.add("options", "`openai." + std::string(name) + "` has a member of its own");
  }
}

void check_tools(Json chat, const Dialect& dialect, Unhonoured& unhonoured) {
  const std::size_t count = offered_tools(chat).size();
  if (dialect.max_tools > 0 && count > dialect.max_tools) {
    unhonoured.add("tools", "the API accepts " + std::to_string(dialect.max_tools) +
                                " tools, and gets the first ones");
  }
  if (chat["tool_choice"]["mode"].str() == "required" && count == 0)
    unhonoured.add("tool_choice", "there is no tool to call");
  if (!chat["parallel_tool_calls"].boolean(true) && is_o_series(chat["model"].str()))
    unhonoured.add("parallel_tool_calls", "the model does not accept it");
}

}  // namespace

bool is_own_member(View name) {
  return std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn);
}

ChatNames names_of(Json chat, const Dialect& dialect) {
  // "string too long. Expected a string with maximum length 40" and Mistral's "must be a-z, A-Z,
  // 0-9, with a length of 9" are the errors for other ids.
  const NameRule ids =
      dialect.short_ids ? NameRule{9, NameRule::exact} : NameRule{40, NameRule::any};
  return ChatNames(chat, {64}, ids);
}

Result<Unhonoured> check_chat(Json chat, const Dialect& dialect) {
  Unhonoured unhonoured(
      chat,
      {"temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "max_output_tokens",
       "stop", "reasoning", "tool_choice", "parallel_tool_calls", "response_format", "modalities"});
  Status known = for_each_part(chat, [&](Json part, const PartPlace& place) -> Status {
    if (place.role == "user" && part["type"].str() == "file" && !is_readable(part))
      return unsupported(place.text(), "the API does not read this file");
    if (place.role == "assistant" && is_left_out(part) && part["type"].str() != "tool-result")
      unhonoured.add("messages", place.text() + " is from another provider, and is left out");
    return {};
  });
  if (!known) return known;
  check_generation(chat, dialect, unhonoured);
  check_tools(chat, dialect, unhonoured);
  if (Status s = unhonoured.check(); !s) return s;
  return unhonoured;
}

std::string request_body(Json chat, const Dialect& dialect, ChatNames& names, Json extra) {
  return RequestWriter(chat, dialect, names).write(extra);
}

}  // namespace gatehouse::plugins::openai
