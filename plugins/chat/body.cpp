/// One function for each kind of value: it returns what is wrong, and each caller on the way up
/// puts the name of the place before it. Members that no plugin reads are not checked.
#include "body.h"

#include <algorithm>

#include "gatehouse/toolkit/body_check.hpp"
#include "gatehouse/toolkit/data_url.hpp"
#include "options.h"

namespace gatehouse::plugins::chat {
namespace {

constexpr OptionalMember kOptional[] = {
    {"providerMetadata", &Json::is_object, "an object"},
    {"callProviderMetadata", &Json::is_object, "an object"},
    {"approval", &Json::is_object, "an object"},
    {"filename", &Json::is_string, "a string"},
};

BodyError check_file(Json part) {
  if (!part["url"].is_string()) return ".url must be a string";
  const View url = part["url"].str();
  View media_type = part["mediaType"].str();
  if (is_data_url(url)) {
    const auto data = parse_data_url(url);
    if (!data) return ".url must have a comma before the data, as in data:image/png;base64,...";
    if (data->data.empty()) return ".url must hold data after the comma";
    if (data->is_base64 && !is_base64(data->data))
      return ".url must hold valid base64 after the comma";
    if (!data->media_type.empty()) media_type = data->media_type;
  } else if (url.find(':') == View::npos) {
    if (!is_base64(url)) return ".url must be a data URL, an https URL or base64";
  } else if (!equals_ignoring_case(url.substr(0, 8), "https://")) {
    return ".url must be a data URL, an https URL or base64: send the file itself as a data URL";
  }
  if (media_type.empty()) return ".mediaType must say what the file is, for example image/png";
  return check_optional(part, kOptional);
}

BodyError check_tool_part(Json part, View name) {
  if (name.empty())
    return part["type"].str() == "dynamic-tool" ? ".toolName must name a tool"
                                                : ".type must name a tool after tool-";
  if (!part["toolCallId"].is_string()) return ".toolCallId must be a string";
  if (!part["state"].is_string()) return ".state must be a string";
  if (part["state"].str() == "output-error" && !part["errorText"].is_string())
    return ".errorText must be a string";
  return check_optional(part, kOptional);
}

BodyError check_parts(Json parts);

/// Types that are not named here are left out of the chat document, so anything is valid in them.
BodyError check_part(Json part) {
  if (!part.is_object()) return " must be an object";
  const Json given = part["type"];
  if (!given.is_string()) return ".type must be a string";
  const View type = given.str();
  if (type == "text" || type == "reasoning") {
    if (!part["text"].is_string()) return ".text must be a string";
    return check_optional(part, kOptional);
  }
  if (type == "file" || type == "reasoning-file") return check_file(part);
  if (type == "steering-message") return check_parts(part["parts"]);
  if (type == "dynamic-tool") return check_tool_part(part, part["toolName"].str());
  if (type.substr(0, 5) == "tool-") return check_tool_part(part, type.substr(5));
  return std::nullopt;
}

BodyError check_parts(Json parts) {
  if (!parts.is_array()) return ".parts must be an array";
  if (const BodyError error = check_each(parts, check_part)) return ".parts" + *error;
  return std::nullopt;
}

BodyError check_messages(Json messages) {
  if (!messages.is_array() || messages.size() == 0)
    return " must be an array of at least one message";
  bool system_may_follow = true;
  return check_each(messages, [&](Json message) -> BodyError {
    if (!message.is_object()) return " must be an object";
    const View role = message["role"].str();
    if (role != "user" && role != "assistant" && role != "system")
      return ".role must be user, assistant or system";
    if (role == "system" && !system_may_follow)
      return ".role must not be system: system messages stand before all others";
    if (role != "system") system_may_follow = false;
    return check_parts(message["parts"]);
  });
}

BodyError check_tool_schema(Json tool) {
  static constexpr OptionalMember kMembers[] = {
      {"description", &Json::is_string, "a string"},
      {"inputSchema", &Json::is_object, "an object"},
      {"mcp", &Json::is_object, "an object"},
  };
  if (!tool.is_object()) return " must be an object";
  if (tool["name"].str().empty()) return ".name must be a string that is not empty";
  return check_optional(tool, kMembers);
}

BodyError check_tool_schemas(Json tools) { return check_each(tools, check_tool_schema); }

BodyError check_model(Json model, const std::vector<std::string>& models) {
  const auto is_known = [&](View name) {
    return std::find(models.begin(), models.end(), name) != models.end();
  };
  if (model.is_null() || is_known(model.str())) return std::nullopt;
  if (is_known("*"))
    return model.str().empty() ? BodyError(" must be the name of a model") : std::nullopt;
  std::string known;
  for (const std::string& name : models) known.append(known.empty() ? "" : ", ").append(name);
  return " must be one of: " + known;
}

BodyError check_mode(Json mode) {
  if (mode.is_null() || mode.str() == "backend" || mode.str() == "byok") return std::nullopt;
  return " must be backend or byok";
}

BodyError check_text(Json text) {
  if (!text.is_string()) return " must be a string";
  return std::nullopt;
}

BodyError check_texts(Json list) { return check_each(list, check_text); }

BodyError check(Json body, const Choices& choices) {
  static constexpr OptionalMember kMembers[] = {
      {"workflowId", &Json::is_string, "a string"},
      {"threadId", &Json::is_string, "a string"},
      {"initialPageContext", &Json::is_string, "a string"},
      {"modelConfig", &Json::is_object, "an object"},
      {"toolSchemas", &Json::is_array, "an array"},
      {"accepts", &Json::is_array, "an array"},
      {"modelOptions", &Json::is_object, "an object"},
  };
  if (!body.is_object()) return " must be a JSON object";
  const auto is_model = [&](Json model) { return check_model(model, choices.models); };
  const auto are_options = [&](Json given) { return check_options(given, choices.options); };
  const Json config = body["modelConfig"];
  BodyError error = check_member(".messages", body["messages"], check_messages);
  if (!error) error = check_optional(body, kMembers);
  if (!error) error = check_member(".model", body["model"], is_model);
  if (!error) error = check_member(".modelConfig.mode", config["mode"], check_mode);
  if (!error) error = check_member(".modelConfig.remoteModel", config["remoteModel"], is_model);
  if (!error) error = check_member(".toolSchemas", body["toolSchemas"], check_tool_schemas);
  if (!error) error = check_member(".accepts", body["accepts"], check_texts);
  if (!error) error = check_member(".modelOptions", body["modelOptions"], are_options);
  return error;
}

}  // namespace

Status check_body(Json body, const Choices& choices) {
  const BodyError error = check(body, choices);
  if (!error) return {};
  const std::string message = error->front() == '.' ? error->substr(1) : "the body" + *error;
  return Fail{400, "invalid_request", message, {}};
}

}  // namespace gatehouse::plugins::chat
