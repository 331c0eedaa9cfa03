/// One function for each kind of value: it returns what is wrong, and each caller on the way up
/// puts the name of the place before it, as Anthropic's API writes places. Members that are not
/// named here are not read, so anything is valid in them; null stands for an absent member.
#include "body.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_set>

#include "gatehouse/toolkit/body_check.hpp"
#include "gatehouse/toolkit/data_url.hpp"

namespace gatehouse::plugins::messages {
namespace {

constexpr View kRequired = ": Field required";
// More tokens than any model has. All numbers have bounds, so that no sum of a provider overflows.
constexpr std::int64_t kMostTokens = 10'000'000;
constexpr std::int64_t kLeastBudget = 1024;  // as at Anthropic
constexpr std::size_t kMaxName = 128;        // as at Anthropic

/// The elements of an array, each by `check`, with places as in "messages.2".
template <class Check>
BodyError check_elements(Json array, Check check) {
  std::size_t index = 0;
  for (const Json element : array) {
    if (const BodyError error = check(element))
      return std::string(".").append(std::to_string(index)).append(*error);
    ++index;
  }
  return std::nullopt;
}

BodyError wrong(View error) { return std::string(error); }

BodyError check_string(Json value) {
  if (value.is_null()) return wrong(kRequired);
  if (!value.is_string()) return wrong(": must be a string");
  return std::nullopt;
}

BodyError check_name(Json value) {
  if (const BodyError error = check_string(value)) return error;
  if (value.str().empty()) return wrong(": must not be empty");
  return std::nullopt;
}

BodyError check_flag(Json value) {
  if (value.is_null() || value.is_bool()) return std::nullopt;
  return wrong(": must be true or false");
}

BodyError check_integer(Json value, std::int64_t least) {
  const std::int64_t number = value.integer(least - 1);
  if (value.is_integer() && number >= least && number <= kMostTokens) return std::nullopt;
  return std::string(": must be an integer from ")
      .append(std::to_string(least))
      .append(" to ")
      .append(std::to_string(kMostTokens));
}

BodyError check_share(Json value) {
  if (value.is_null() || (value.is_number() && value.real() >= 0 && value.real() <= 1))
    return std::nullopt;
  return wrong(": must be a number from 0 to 1");
}

// ---- Content blocks -----------------------------------------------------------------------------

BodyError check_base64(Json source) {
  if (const BodyError error = check_member(".media_type", source["media_type"], check_name))
    return error;
  if (const BodyError error = check_member(".data", source["data"], check_string)) return error;
  if (!is_base64(source["data"].str())) return wrong(".data: must be base64 and not empty");
  return std::nullopt;
}

BodyError check_url(Json source) {
  const View url = source["url"].str();
  if (equals_ignoring_case(url.substr(0, 8), "https://")) return std::nullopt;
  return wrong(".url: must be an https URL; send the file itself as base64");
}

BodyError unsupported_type(Json block) {
  const Json type = block["type"];
  if (!block.is_object()) return wrong(": must be an object");
  if (type.is_null()) return std::string(".type").append(kRequired);
  return std::string(".type: ")
      .append(cut_utf8(type.str(), kMaxName))
      .append(" is not supported here");
}

BodyError check_text(Json block) {
  if (block["type"].str() != "text") return wrong(".type: must be text");
  return check_member(".text", block["text"], check_string);
}

/// A string, or blocks that `check` accepts.
template <class Check>
BodyError check_content(Json content, Check check) {
  if (content.is_null()) return wrong(kRequired);
  if (content.is_string()) return std::nullopt;
  if (!content.is_array()) return wrong(": must be a string or an array of blocks");
  return check_elements(content, check);
}

BodyError check_texts(Json content) { return check_content(content, check_text); }

BodyError check_image_source(Json source) {
  const View type = source["type"].str();
  if (source.is_null()) return wrong(kRequired);
  if (type == "base64") return check_base64(source);
  if (type == "url") return check_url(source);
  return wrong(".type: must be base64, url or, for a document, text");
}

/// Not a part, so that documents cannot be nested without end.
BodyError check_text_or_image(Json block) {
  if (block["type"].str() != "image") return check_text(block);
  return check_member(".source", block["source"], check_image_source);
}

BodyError check_document_source(Json source) {
  const View type = source["type"].str();
  if (type == "text") return check_member(".data", source["data"], check_string);
  if (type != "content") return check_image_source(source);
  return check_member(".content", source["content"],
                      [](Json content) { return check_content(content, check_text_or_image); });
}

/// What users and tools send: texts and files.
BodyError check_part(Json block) {
  const View type = block["type"].str();
  if (type == "text") return check_text(block);
  if (type == "image") return check_member(".source", block["source"], check_image_source);
  if (type == "document") return check_member(".source", block["source"], check_document_source);
  if (type == "search_result") return check_member(".content", block["content"], check_texts);
  return unsupported_type(block);
}

/// Of a result: tools that the client has found for the model, besides.
BodyError check_result_part(Json block) {
  if (block["type"].str() != "tool_reference") return check_part(block);
  return check_member(".tool_name", block["tool_name"], check_string);
}

BodyError check_result(Json block) {
  if (const BodyError error = check_member(".is_error", block["is_error"], check_flag))
    return error;
  if (block["content"].is_null()) return std::nullopt;
  return check_member(".content", block["content"],
                      [](Json content) { return check_content(content, check_result_part); });
}

BodyError check_call(Json block) {
  if (const BodyError error = check_member(".id", block["id"], check_name)) return error;
  if (const BodyError error = check_member(".name", block["name"], check_name)) return error;
  if (!block["input"].is_null() && !block["input"].is_object())
    return wrong(".input: must be an object");
  return std::nullopt;
}

BodyError check_thinking(Json block) {
  if (const BodyError error = check_member(".thinking", block["thinking"], check_string))
    return error;
  if (block["signature"].is_null()) return std::nullopt;
  return check_member(".signature", block["signature"], check_string);
}

// ---- Messages -----------------------------------------------------------------------------------

/// Follows a conversation: neighbours of one role are one turn, and each tool_use of a turn has its
/// tool_result in the next one.
class Conversation {
 public:
  BodyError check(Json messages) {
    std::size_t index = 0;
    for (const Json message : messages) {
      const View role = message["role"].str();
      const bool begins_turn = role != role_ && role != "system";
      if (begins_turn && role_ == "user" && !calls_.empty()) return missing_results();
      if (begins_turn) turn_ = index;
      if (begins_turn) role_ = role;
      if (const BodyError error = check_message(message)) return at(index).append(*error);
      ++index;
    }
    return calls_.empty() ? BodyError() : missing_results();
  }

 private:
  static std::string at(std::size_t index) { return "." + std::to_string(index); }

  BodyError check_message(Json message) {
    const View role = message["role"].str();
    if (!message.is_object()) return wrong(": must be an object");
    if (role == "system") return check_member(".content", message["content"], check_texts);
    if (role != "user" && role != "assistant")
      return wrong(".role: must be user, assistant or system");
    return check_member(".content", message["content"],
                        [this](Json content) { return check_blocks(content); });
  }

  BodyError check_blocks(Json content) {
    return check_content(content, [this](Json block) {
      return role_ == "user" ? check_user_block(block) : check_assistant_block(block);
    });
  }

  BodyError check_user_block(Json block) {
    if (block["type"].str() != "tool_result") return check_part(block);
    const auto call = calls_.find(block["tool_use_id"].str());
    if (call == calls_.end())
      return wrong(".tool_use_id: must be the id of a tool_use of the message before");
    calls_.erase(call);
    return check_result(block);
  }

  BodyError check_assistant_block(Json block) {
    const View type = block["type"].str();
    if (type == "thinking") return check_thinking(block);
    if (type == "redacted_thinking") return check_member(".data", block["data"], check_string);
    if (type == "text") return check_text(block);
    if (type != "tool_use") return unsupported_type(block);
    calls_.insert(block["id"].str());
    return check_call(block);
  }

  /// In this turn, or, after an assistant's, in the one that does not come.
  BodyError missing_results() const {
    return at(turn_).append(role_ == "user"
                                ? ": each tool_use of the message before it needs a tool_result"
                                : ": each tool_use needs a tool_result in the next message");
  }

  View role_;                            // of the turn
  std::size_t turn_ = 0;                 // its first message
  std::unordered_multiset<View> calls_;  // ids of those that have no result yet
};

BodyError check_messages(Json messages) {
  if (messages.is_null()) return wrong(kRequired);
  if (!messages.is_array()) return wrong(": must be an array");
  if (messages.size() == 0) return wrong(": at least one message is required");
  return Conversation().check(messages);
}

// ---- Other members ------------------------------------------------------------------------------

bool is_tool_name(View name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           const char low = to_lower(c);
           return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

BodyError check_tool(Json tool) {
  if (!tool.is_object()) return wrong(": must be an object");
  const Json type = tool["type"];
  if (!type.is_null() && type.str() != "custom") {
    return std::string(".type: ")
        .append(cut_utf8(type.str(), kMaxName))
        .append(" is not available here, only custom tools are");
  }
  if (tool["name"].is_null()) return std::string(".name").append(kRequired);
  if (!is_tool_name(tool["name"].str()))
    return wrong(".name: must be 1 to 128 letters, digits, _ and -");
  if (!tool["description"].is_null() && !tool["description"].is_string())
    return wrong(".description: must be a string");
  if (tool["input_schema"].is_null()) return std::string(".input_schema").append(kRequired);
  if (!tool["input_schema"].is_object()) return wrong(".input_schema: must be an object");
  return std::nullopt;
}

BodyError check_tools(Json tools) {
  if (tools.is_null()) return std::nullopt;
  if (!tools.is_array()) return wrong(": must be an array");
  std::unordered_set<View> names;
  return check_elements(tools, [&names](Json tool) {
    BodyError error = check_tool(tool);
    if (!error && !names.insert(tool["name"].str()).second)
      error = wrong(".name: must not be that of another tool");
    return error;
  });
}

bool has_tool(Json tools, View name) {
  for (const Json tool : tools) {
    if (tool["name"].str() == name) return true;
  }
  return false;
}

BodyError check_tool_choice(Json choice, Json tools) {
  const View type = choice["type"].str();
  if (choice.is_null()) return std::nullopt;
  if (const BodyError error = check_member(".disable_parallel_tool_use",
                                           choice["disable_parallel_tool_use"], check_flag))
    return error;
  if (type == "auto" || type == "any" || type == "none") return std::nullopt;
  if (type == "tool" && has_tool(tools, choice["name"].str())) return std::nullopt;
  return wrong(": must be auto, any, none, or name one of tools");
}

BodyError check_thinking_mode(Json thinking, Json max_tokens) {
  const View type = thinking["type"].str();
  const bool needs_no_budget = type == "disabled" || type == "adaptive" || type == "between_tools";
  if (thinking.is_null() || needs_no_budget) return std::nullopt;
  if (type != "enabled") return wrong("thinking.type: must be enabled, adaptive or disabled");
  const auto check_budget = [](Json budget) { return check_integer(budget, kLeastBudget); };
  if (const BodyError error =
          check_member("thinking.budget_tokens", thinking["budget_tokens"], check_budget))
    return error;
  if (!max_tokens.is_null() && max_tokens.integer() <= thinking["budget_tokens"].integer())
    return wrong("max_tokens: must be greater than thinking.budget_tokens");
  return std::nullopt;
}

BodyError check_format(Json format) {
  if (format.is_null()) return std::nullopt;
  if (format["type"].str() != "json_schema") return wrong(".type: must be json_schema");
  if (format["schema"].is_null()) return std::string(".schema").append(kRequired);
  if (!format["schema"].is_object()) return wrong(".schema: must be an object");
  return std::nullopt;
}

BodyError check_output_config(Json config) {
  static constexpr View kEfforts[] = {"low", "medium", "high", "xhigh", "max"};
  const Json effort = config["effort"];
  if (config.is_null()) return std::nullopt;
  if (!config.is_object()) return wrong(": must be an object");
  if (!effort.is_null() &&
      std::find(std::begin(kEfforts), std::end(kEfforts), effort.str()) == std::end(kEfforts))
    return wrong(".effort: must be one of low, medium, high, xhigh, max");
  return check_member(".format", config["format"], check_format);
}

BodyError check_stops(Json stops) {
  if (stops.is_null()) return std::nullopt;
  if (!stops.is_array()) return wrong(": must be an array of strings");
  return check_elements(stops, check_name);
}

BodyError check_mcp_servers(Json servers) {
  if (servers.is_null() || (servers.is_array() && servers.size() == 0)) return std::nullopt;
  return wrong(
      ": the MCP servers of the gateway are its operator's; the header X-Gatehouse-Tools "
      "requests their tools");
}

BodyError check_max_tokens(Json limit, Purpose purpose) {
  if (!limit.is_null()) return check_integer(limit, 1);
  return purpose == Purpose::kCount ? BodyError() : wrong(kRequired);
}

BodyError check(Json body, Purpose purpose) {
  const auto is_limit = [purpose](Json limit) { return check_max_tokens(limit, purpose); };
  const auto is_top_k = [](Json k) { return k.is_null() ? BodyError() : check_integer(k, 0); };
  const auto is_choice = [body](Json choice) { return check_tool_choice(choice, body["tools"]); };
  const auto is_system = [](Json system) {
    return system.is_null() ? BodyError() : check_texts(system);
  };
  BodyError error = check_member("model", body["model"], check_name);
  const auto then = [&](View name, auto check_value) {
    if (!error) error = check_member(name, body[name], check_value);
  };
  then("max_tokens", is_limit);
  then("messages", check_messages);
  then("system", is_system);
  then("tools", check_tools);
  then("tool_choice", is_choice);
  if (!error) error = check_thinking_mode(body["thinking"], body["max_tokens"]);
  then("output_config", check_output_config);
  then("output_format", check_format);
  then("temperature", check_share);
  then("top_p", check_share);
  then("top_k", is_top_k);
  then("stop_sequences", check_stops);
  then("stream", check_flag);
  then("mcp_servers", check_mcp_servers);
  return error;
}

}  // namespace

Status check_body(Json body, Purpose purpose) {
  if (!body.is_object()) return Fail{400, "invalid_request", "The body must be a JSON object.", {}};
  if (!body["thread"].is_null()) {
    return Fail{400,
                std::string(kThreadUnsupported),
                "thread: conversations are not kept here, send all messages",
                {}};
  }
  const BodyError error = check(body, purpose);
  if (!error) return {};
  return Fail{400, "invalid_request", *error, {}};
}

}  // namespace gatehouse::plugins::messages
