/// One function for each kind of value: it returns what is wrong, and each caller on the way up
/// puts the name of the place before it. A member that is null counts as absent. The calls of an
/// assistant message and their results must pair, as OpenAI demands: providers reject conversations
/// in which they do not.
#include "body.h"

#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "gatehouse/toolkit/body_check.hpp"
#include "gatehouse/toolkit/data_url.hpp"

namespace gatehouse::plugins::completions {
namespace {

bool is_one_of(Json value, std::initializer_list<View> words) {
  return std::find(words.begin(), words.end(), value.str()) != words.end();
}

bool is_given(Json value) { return !value.is_null(); }

// ---- Parameters that change the response and cannot be honoured ---------------------------------

struct Refused {
  View name;
  bool (*is_asked_for)(Json);
  View code, why;
};
constexpr Refused kRefused[] = {
    {"n", [](Json n) { return is_given(n) && n.integer() != 1; }, "unsupported_value",
     " must be 1"},
    {"logprobs", [](Json value) { return value.boolean(); }, "unsupported_parameter",
     " are not supported"},
    {"top_logprobs", is_given, "unsupported_parameter", " is not supported"},
    {"audio", is_given, "unsupported_parameter",
     " is not supported: audio output is not available"},
    {"functions", is_given, "unsupported_parameter", " is not supported: use tools"},
    {"function_call", is_given, "unsupported_parameter", " is not supported: use tool_choice"},
    {"web_search_options", is_given, "unsupported_parameter",
     " is not supported: web search is not available"},
    {"modalities",
     [](Json value) {
       return is_given(value) && !(value.size() == 1 && value.at(0).str() == "text");
     },
     "unsupported_value", " must be [\"text\"]"},
};

// ---- Settings
// ------------------------------------------------------------------------------------

struct Setting {
  View name;
  bool is_integer;
  double least, most;
  View range;
};
constexpr Setting kSettings[] = {
    {"temperature", false, 0, 2, "a number from 0 to 2"},
    {"top_p", false, 0, 1, "a number from 0 to 1"},
    {"presence_penalty", false, -2, 2, "a number from -2 to 2"},
    {"frequency_penalty", false, -2, 2, "a number from -2 to 2"},
    {"seed", true, -9.3e18, 9.3e18, "an integer"},
    // More than any model has, and no sum of them overflows.
    {"max_completion_tokens", true, 1, INT32_MAX, "an integer from 1 to 2147483647"},
    {"max_tokens", true, 1, INT32_MAX, "an integer from 1 to 2147483647"},
};

BodyError check_setting(Json value, const Setting& setting) {
  const bool is_kind = setting.is_integer ? value.is_integer() : value.is_number();
  const bool fits = is_kind && value.real() >= setting.least && value.real() <= setting.most;
  if (fits || !is_given(value)) return std::nullopt;
  return std::string(" must be ").append(setting.range);
}

BodyError check_stop(Json stop) {
  constexpr std::size_t kMost = 4;
  const auto check_text = [](Json text) -> BodyError {
    return text.is_string() ? BodyError() : BodyError(" must be a string");
  };
  if (!is_given(stop) || stop.is_string()) return std::nullopt;
  if (!stop.is_array() || stop.size() > kMost) return " must be a string or up to 4 strings";
  return check_each(stop, check_text);
}

BodyError check_effort(Json effort) {
  if (!is_given(effort) ||
      is_one_of(effort, {"none", "minimal", "low", "medium", "high", "xhigh", "max"}))
    return std::nullopt;
  return " must be one of none, minimal, low, medium, high, xhigh, max";
}

BodyError check_format(Json format) {
  if (!is_given(format)) return std::nullopt;
  if (!is_one_of(format["type"], {"text", "json_object", "json_schema"}))
    return ".type must be one of text, json_object, json_schema";
  if (format["type"].str() == "json_schema" && !format["json_schema"]["schema"].is_object())
    return ".json_schema.schema must be an object";
  return std::nullopt;
}

// ---- Messages
// ------------------------------------------------------------------------------------

/// A text, as a string or as parts.
BodyError check_text(Json content) {
  if (content.is_string()) return std::nullopt;
  if (!content.is_array()) return " must be a string or an array of parts";
  return check_each(content, [](Json part) -> BodyError {
    if (part["type"].str() == "refusal" && part["refusal"].is_string()) return std::nullopt;
    if (part["type"].str() == "text" && part["text"].is_string()) return std::nullopt;
    return " must be a text part";
  });
}

BodyError check_optional_text(Json content) {
  return is_given(content) ? check_text(content) : BodyError();
}

BodyError check_audio(Json audio) {
  if (!is_base64(audio["data"].str())) return ".data must be base64";
  const View format = audio["format"].str();
  if (format.empty() ||
      format.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != View::npos)
    return ".format must name a format, such as wav";
  return std::nullopt;
}

BodyError check_file(Json file) {
  if (!is_given(file["file_data"]))
    return ".file_data is required: files cannot be uploaded to this gateway";
  if (is_given(file["filename"]) && !file["filename"].is_string())
    return ".filename must be a string";
  return check_member(".file_data", file["file_data"], check_file_url);
}

BodyError check_user_part(Json part) {
  const View type = part["type"].str();
  if (type == "text")
    return part["text"].is_string() ? BodyError() : BodyError(".text must be a string");
  if (type == "image_url")
    return check_member(".image_url.url", part["image_url"]["url"], check_file_url);
  if (type == "input_audio") return check_member(".input_audio", part["input_audio"], check_audio);
  if (type == "file") return check_member(".file", part["file"], check_file);
  return ".type must be one of text, image_url, input_audio, file";
}

BodyError check_user_content(Json content) {
  if (content.is_string()) return std::nullopt;
  if (!content.is_array()) return " must be a string or an array of parts";
  return check_each(content, check_user_part);
}

/// "" stands for no arguments.
bool are_arguments(Json text) {
  if (!is_given(text) || text.str().empty()) return text.is_string() || !is_given(text);
  auto parsed = Document::parse(text.str());
  return parsed && parsed->root().is_object();
}

BodyError check_call(Json call) {
  if (is_given(call["type"]) && call["type"].str() != "function") return ".type must be function";
  if (!call["id"].is_string()) return ".id must be a string";
  if (call["function"]["name"].str().empty()) return ".function.name is required";
  if (!are_arguments(call["function"]["arguments"]))
    return ".function.arguments must be the JSON text of an object";
  return std::nullopt;
}

BodyError check_calls(Json calls) {
  if (!is_given(calls)) return std::nullopt;
  if (!calls.is_array()) return " must be an array";
  return check_each(calls, check_call);
}

/// Follows the messages of a conversation.
class Conversation {
 public:
  BodyError check(Json message) {
    if (!message.is_object()) return " must be an object";
    const View role = message["role"].str();
    if (role == "tool") return check_result(message);
    if (const BodyError error = end()) return error;
    const Json content = message["content"];
    if (role == "user") return check_member(".content", content, check_user_content);
    if (role == "system" || role == "developer")
      return check_member(".content", content, check_text);
    if (role == "assistant") return check_assistant(message);
    return ".role must be one of system, developer, user, assistant, tool";
  }
  /// No result may follow.
  BodyError end() const {
    if (open_.empty()) return std::nullopt;
    return ": each of the tool_calls before it needs a message with role tool";
  }

 private:
  BodyError check_assistant(Json message) {
    if (BodyError error = check_member(".content", message["content"], check_optional_text))
      return error;
    if (BodyError error = check_member(".tool_calls", message["tool_calls"], check_calls))
      return error;
    for (const Json call : message["tool_calls"]) open_.push_back(call["id"].str());
    return std::nullopt;
  }
  BodyError check_result(Json message) {
    const auto call = std::find(open_.begin(), open_.end(), message["tool_call_id"].str());
    if (!message["tool_call_id"].is_string() || call == open_.end())
      return ".tool_call_id answers no call of the assistant message before";
    open_.erase(call);
    return check_member(".content", message["content"], check_optional_text);
  }

  std::vector<View> open_;  // ids of calls that have no result yet
};

BodyError check_messages(Json messages) {
  if (!is_given(messages)) return " is required";
  if (!messages.is_array()) return " must be an array";
  if (messages.size() == 0) return " must not be empty";
  Conversation conversation;
  if (BodyError error =
          check_each(messages, [&](Json message) { return conversation.check(message); }))
    return error;
  return conversation.end()
             ? BodyError(": each of the last tool_calls needs a message with role tool")
             : BodyError();
}

// ---- Tools
// ---------------------------------------------------------------------------------------

bool is_tool_name(View name) {
  constexpr std::size_t kLongest = 64;
  constexpr View kFit = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= kLongest && name.find_first_not_of(kFit) == View::npos;
}

using Names = std::unordered_set<View>;

BodyError check_tool(Json tool, Names& names) {
  static constexpr OptionalMember kMembers[] = {
      {"description", &Json::is_string, "a string"},
      {"parameters", &Json::is_object, "an object"},
  };
  if (tool["type"].str() != "function") return ".type must be function";
  const Json function = tool["function"];
  if (!is_tool_name(function["name"].str()))
    return ".function.name must be 1 to 64 letters, digits, _ or -";
  if (!names.insert(function["name"].str()).second)
    return ".function.name must not be that of a tool before it";
  return check_member(".function", function, [](Json f) { return check_optional(f, kMembers); });
}

BodyError check_tools(Json tools, Names& names) {
  if (!is_given(tools)) return std::nullopt;
  if (!tools.is_array()) return " must be an array";
  return check_each(tools, [&](Json tool) { return check_tool(tool, names); });
}

BodyError check_choice(Json choice, const Names& names) {
  if (!is_given(choice) || is_one_of(choice, {"auto", "none"})) return std::nullopt;
  if (names.empty()) return " must be none or auto: the request has no tools";
  if (choice.str() == "required") return std::nullopt;
  if (choice["type"].str() == "function" && names.count(choice["function"]["name"].str()) > 0)
    return std::nullopt;
  const Json allowed = choice["allowed_tools"];
  if (choice["type"].str() == "allowed_tools" && is_one_of(allowed["mode"], {"auto", "required"}) &&
      allowed["tools"].is_array() && allowed["tools"].size() > 0) {
    return check_member(".allowed_tools.tools", allowed["tools"], [&](Json tools) {
      return check_each(tools, [&](Json tool) -> BodyError {
        if (names.count(tool["function"]["name"].str()) > 0) return std::nullopt;
        return " must name one of tools";
      });
    });
  }
  return " must be none, auto, required, or name one of tools";
}

// ---- The body
// ------------------------------------------------------------------------------------

BodyError check_model(Json model) {
  if (!is_given(model)) return " is required";
  return model.str().empty() ? BodyError(" must be the name of a model") : std::nullopt;
}

BodyError check(Json body) {
  static constexpr OptionalMember kMembers[] = {
      {"stream", &Json::is_bool, "true or false"},
      {"stream_options", &Json::is_object, "an object"},
      {"parallel_tool_calls", &Json::is_bool, "true or false"},
  };
  Names names;
  BodyError error = check_member(".model", body["model"], check_model);
  if (!error) error = check_member(".messages", body["messages"], check_messages);
  if (!error) error = check_optional(body, kMembers);
  for (const Setting& setting : kSettings) {
    const Json value = body[setting.name];
    if (error) break;
    if (error = check_setting(value, setting); error)
      error = std::string(".").append(setting.name).append(*error);
  }
  if (!error) error = check_member(".stop", body["stop"], check_stop);
  if (!error) error = check_member(".reasoning_effort", body["reasoning_effort"], check_effort);
  if (!error) error = check_member(".response_format", body["response_format"], check_format);
  if (!error)
    error = check_member(".tools", body["tools"], [&](Json t) { return check_tools(t, names); });
  if (!error)
    error = check_member(".tool_choice", body["tool_choice"],
                         [&](Json c) { return check_choice(c, names); });
  return error;
}

}  // namespace

Status check_body(Json body) {
  if (!body.is_object()) return Fail{400, "invalid_request", "the body must be a JSON object", {}};
  for (const Refused& refused : kRefused) {
    if (!refused.is_asked_for(body[refused.name])) continue;
    const std::string message = std::string(refused.name).append(refused.why);
    return Fail{400, std::string(refused.code), message, {}};
  }
  if (const BodyError error = check(body))
    return Fail{400, "invalid_request", error->substr(1), {}};
  return {};
}

}  // namespace gatehouse::plugins::completions
