/// Two passes: the first looks for what would need state, or a tool, that only OpenAI has; the
/// second for what is wrong. In both one function for each kind of value returns the error, and
/// each caller on the way up puts the name of the place before it. Members that are not named here
/// are not read, so anything is valid in them; null stands for an absent member.
#include "body.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <unordered_set>
#include <utility>

#include "gatehouse/toolkit/body_check.hpp"
#include "gatehouse/toolkit/data_url.hpp"

namespace gatehouse::plugins::responses {
namespace {

// More tokens than any model has, so that no sum of a provider overflows.
constexpr std::int64_t kMostTokens = 10'000'000;
constexpr std::size_t kMaxName = 64;  // of a function, as at OpenAI

BodyError wrong(View error) { return std::string(error); }

bool is_one_of(View value, std::initializer_list<View> values) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// ---- What is not supported ----------------------------------------------------------------------

struct Unsupported {
  View member, why;
};
constexpr Unsupported kUnsupported[] = {
    {"previous_response_id", " is not supported: send the whole conversation as input"},
    {"conversation", " is not supported: send the whole conversation as input"},
    {"prompt", " is not supported: send instructions and input"},
    {"background", " is not supported: use stream for a response that takes long"},
    {"top_logprobs", " is not supported: no log probabilities are available"},
};

/// Programs write out defaults, which are no request for anything.
bool is_default(Json value) {
  return value.is_null() || (value.is_bool() && !value.boolean()) ||
         (value.is_integer() && value.integer() == 0);
}

template <class Find>
BodyError find_in_array(View name, Json array, Find find) {
  if (!array.is_array()) return std::nullopt;
  return check_member(name, array, [&](Json each) { return check_each(each, find); });
}

BodyError find_unsupported_include(Json include) {
  for (const Json name : include) {
    if (name.str() == "message.output_text.logprobs")
      return wrong(
          " is not supported with message.output_text.logprobs: no log probabilities "
          "are available");
  }
  return std::nullopt;
}

BodyError find_unsupported_tool(Json tool) {
  if (!tool["type"].is_string() || tool["type"].str() == "function") return std::nullopt;
  return wrong(
      ".type is not supported: only tools of the type function are, which the client "
      "runs itself");
}

BodyError find_unsupported_part(Json part) {
  if (part["file_id"].is_null()) return std::nullopt;
  return wrong(".file_id is not supported: send the file itself as a data URL");
}

BodyError find_unsupported_item(Json item) {
  if (!is_one_of(type_of_item(item), {"message", "function_call", "function_call_output",
                                      "reasoning", "item_reference"}))
    return wrong(
        ".type is not supported: items are messages, function calls with their outputs, "
        "reasoning and references to items");
  if (const BodyError error = find_in_array(".content", item["content"], find_unsupported_part))
    return error;
  return find_in_array(".output", item["output"], find_unsupported_part);
}

BodyError find_unsupported(Json body) {
  for (const Unsupported& unsupported : kUnsupported) {
    if (!is_default(body[unsupported.member]))
      return std::string(".").append(unsupported.member).append(unsupported.why);
  }
  BodyError error = check_member(".include", body["include"], find_unsupported_include);
  if (!error) error = find_in_array(".tools", body["tools"], find_unsupported_tool);
  if (!error) error = find_in_array(".input", body["input"], find_unsupported_item);
  return error;
}

// ---- Input --------------------------------------------------------------------------------------

BodyError check_string(Json value) {
  if (!value.is_string()) return wrong(" must be a string");
  return std::nullopt;
}

BodyError check_audio(Json audio) {
  if (!is_one_of(audio["format"].str(), {"wav", "mp3"})) return wrong(".format must be wav or mp3");
  if (!is_base64(audio["data"].str())) return wrong(".data must be base64");
  return std::nullopt;
}

BodyError check_file(Json part) {
  const bool has_data = !part["file_data"].is_null();
  if (!part["filename"].is_null() && !part["filename"].is_string())
    return wrong(".filename must be a string");
  if (has_data && !is_data_url(part["file_data"].str()))
    return wrong(".file_data must be a data URL, as in data:application/pdf;base64,...");
  const View member = has_data ? "file_data" : "file_url";
  return check_member(std::string(".").append(member), part[member], check_file_url);
}

/// A part of what a user sends, or a tool.
BodyError check_input_part(Json part) {
  const View type = part["type"].str();
  if (type == "input_text") return check_member(".text", part["text"], check_string);
  if (type == "input_image") return check_member(".image_url", part["image_url"], check_file_url);
  if (type == "input_file") return check_file(part);
  if (type == "input_audio") return check_member(".input_audio", part["input_audio"], check_audio);
  return wrong(".type must be input_text, input_image, input_file or input_audio");
}

/// A part of what the model has said, or the operator of the client.
BodyError check_text_part(Json part) {
  const View type = part["type"].str();
  if (type == "refusal") return check_member(".refusal", part["refusal"], check_string);
  if (type == "input_text" || type == "output_text")
    return check_member(".text", part["text"], check_string);
  return wrong(".type must be input_text, output_text or refusal");
}

template <class Check>
BodyError check_content(Json content, Check check) {
  if (content.is_string()) return std::nullopt;
  if (!content.is_array()) return wrong(" must be a string or an array of parts");
  return check_each(content, check);
}

BodyError check_message(Json message) {
  const View role = message["role"].str();
  if (!is_one_of(role, {"user", "assistant", "system", "developer"}))
    return wrong(".role must be user, assistant, system or developer");
  const auto check_part = role == "user" ? check_input_part : check_text_part;
  return check_member(".content", message["content"],
                      [&](Json content) { return check_content(content, check_part); });
}

BodyError check_strings(Json item, std::initializer_list<View> members) {
  for (const View member : members) {
    if (!item[member].is_string())
      return std::string(".").append(member).append(" must be a string");
  }
  return std::nullopt;
}

BodyError check_output(Json item) {
  if (const BodyError error = check_strings(item, {"call_id"})) return error;
  return check_member(".output", item["output"],
                      [](Json output) { return check_content(output, check_input_part); });
}

BodyError check_item(Json item) {
  if (!item.is_object()) return wrong(" must be an object");
  if (!item["type"].is_null() && !item["type"].is_string()) return wrong(".type must be a string");
  const View type = type_of_item(item);
  if (type == "message") return check_message(item);
  if (type == "function_call") return check_strings(item, {"call_id", "name", "arguments"});
  if (type == "function_call_output") return check_output(item);
  if (type == "item_reference") return check_strings(item, {"id"});
  return std::nullopt;  // reasoning, of which only encrypted_content is read
}

BodyError check_input(Json input) {
  if (input.is_string()) return std::nullopt;
  if (!input.is_array()) return wrong(" must be a string or an array of items");
  return check_each(input, check_item);
}

// ---- How to respond -----------------------------------------------------------------------------

BodyError check_model(Json model) {
  if (model.str().empty()) return wrong(" must be the name of a model");
  return std::nullopt;
}

BodyError check_tool(Json tool) {
  static constexpr OptionalMember kMembers[] = {
      {"description", &Json::is_string, "a string"},
      {"parameters", &Json::is_object, "an object"},
  };
  constexpr View kFit = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (!tool.is_object()) return wrong(" must be an object");
  if (!tool["type"].is_string()) return wrong(".type must be function");
  const View name = tool["name"].str();
  if (name.empty() || name.size() > kMaxName || name.find_first_not_of(kFit) != View::npos)
    return wrong(".name must have 1 to 64 letters, digits, _ or -");
  return check_optional(tool, kMembers);
}

BodyError check_tools(Json tools) {
  std::unordered_set<View> names;
  return check_each(tools, [&names](Json tool) -> BodyError {
    if (const BodyError error = check_tool(tool)) return error;
    if (!names.insert(tool["name"].str()).second) return wrong(".name must differ from the others");
    return std::nullopt;
  });
}

bool is_tool_choice(Json choice, Json tools) {
  if (choice.is_null() || is_one_of(choice.str(), {"none", "auto"})) return true;
  if (choice.str() == "required") return tools.size() > 0;
  std::unordered_set<View> names;
  for (const Json tool : tools) names.insert(tool["name"].str());
  const View type = choice["type"].str();
  if (type == "function") return names.count(choice["name"].str()) > 0;
  if (type != "allowed_tools" || !is_one_of(choice["mode"].str(), {"auto", "required"}))
    return false;
  for (const Json tool : choice["tools"]) {
    if (names.count(tool["name"].str()) == 0) return false;
  }
  return choice["tools"].size() > 0;
}

BodyError check_format(Json format) {
  const View type = format["type"].str();
  if (format.is_null() || is_one_of(type, {"text", "json_object"})) return std::nullopt;
  if (type != "json_schema") return wrong(".type must be text, json_object or json_schema");
  if (!format["schema"].is_object()) return wrong(".schema must be an object");
  return std::nullopt;
}

BodyError check_reasoning(Json reasoning) {
  const Json effort = reasoning["effort"], summary = reasoning["summary"];
  if (!effort.is_null() &&
      !is_one_of(effort.str(), {"none", "minimal", "low", "medium", "high", "xhigh", "max"}))
    return wrong(".effort must be none, minimal, low, medium, high, xhigh or max");
  if (!summary.is_null() && !is_one_of(summary.str(), {"auto", "concise", "detailed"}))
    return wrong(".summary must be auto, concise or detailed");
  return std::nullopt;
}

BodyError check_range(Json value, double most, View range) {
  if (value.is_null()) return std::nullopt;
  if (value.is_number() && value.real() >= 0 && value.real() <= most) return std::nullopt;
  return std::string(" must be a number from ").append(range);
}
BodyError check_temperature(Json value) { return check_range(value, 2, "0 to 2"); }
BodyError check_share(Json value) { return check_range(value, 1, "0 to 1"); }

BodyError check_limit(Json value) {
  if (value.is_null()) return std::nullopt;
  if (value.is_integer() && value.integer() >= 1 && value.integer() <= kMostTokens)
    return std::nullopt;
  return wrong(" must be an integer from 1 to 10000000");
}

BodyError check(Json body) {
  static constexpr OptionalMember kMembers[] = {
      {"instructions", &Json::is_string, "a string"},
      {"metadata", &Json::is_object, "an object"},
      {"include", &Json::is_array, "an array"},
      {"tools", &Json::is_array, "an array"},
      {"reasoning", &Json::is_object, "an object"},
      {"text", &Json::is_object, "an object"},
      {"parallel_tool_calls", &Json::is_bool, "true or false"},
      {"store", &Json::is_bool, "true or false"},
      {"stream", &Json::is_bool, "true or false"},
  };
  static constexpr std::pair<View, BodyError (*)(Json)> kChecks[] = {
      {"model", check_model},
      {"input", check_input},
      {"tools", check_tools},
      {"reasoning", check_reasoning},
      {"temperature", check_temperature},
      {"top_p", check_share},
      {"max_output_tokens", check_limit},
  };
  if (const BodyError error = check_optional(body, kMembers)) return error;
  for (const auto& [name, check_value] : kChecks) {
    if (const BodyError error = check_value(body[name]))
      return std::string(".").append(name).append(*error);
  }
  if (!is_tool_choice(body["tool_choice"], body["tools"]))
    return wrong(".tool_choice must be none, auto or required, or name functions of tools");
  return check_member(".text.format", body["text"]["format"], check_format);
}

}  // namespace

View type_of_item(Json item) {
  return item["type"].str(item["role"].is_null() ? View("item_reference") : View("message"));
}

Status check_body(Json body) {
  if (!body.is_object()) return Fail{400, "invalid_request", "The body must be a JSON object.", {}};
  if (const BodyError error = find_unsupported(body))
    return Fail{400, "unsupported_parameter", error->substr(1), {}};
  if (const BodyError error = check(body))
    return Fail{400, "invalid_request", error->substr(1), {}};
  return {};
}

}  // namespace gatehouse::plugins::responses
