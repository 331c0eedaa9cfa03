#include "body.h"

#include <algorithm>
#include <optional>

#include "ascii.h"
#include "data_url.h"
#include "options.h"

namespace gatehouse::plugins::chat {
namespace {

/// What is wrong with a value, to be put after the name of its place: ".text must be a string". The
/// name is spelled on the way up, so that a good body costs no strings.
using Complaint = std::optional<std::string>;

/// An optional member. Null stands for an absent one: some clients write undefined values that way.
struct Optional {
  View name;
  bool (Json::*is)() const;
  View what;
};

template <std::size_t N>
Complaint check_optional(Json object, const Optional (&members)[N]) {
  for (const Optional& member : members) {
    const Json value = object[member.name];
    if (!value.is_null() && !(value.*member.is)())
      return std::string(".").append(member.name).append(" must be ").append(member.what);
  }
  return std::nullopt;
}

/// The elements of an array, each by `check`.
template <class Check>
Complaint check_each(Json array, Check check) {
  std::size_t index = 0;
  for (const Json element : array) {
    if (const Complaint wrong = check(element))
      return std::string("[").append(std::to_string(index)).append("]").append(*wrong);
    ++index;
  }
  return std::nullopt;
}

constexpr Optional kOptional[] = {
    {"providerMetadata", &Json::is_object, "an object"},
    {"callProviderMetadata", &Json::is_object, "an object"},
    {"approval", &Json::is_object, "an object"},
    {"filename", &Json::is_string, "a string"},
};

Complaint check_file(Json part) {
  if (!part["url"].is_string()) return ".url must be a string";
  const View url = part["url"].str();
  View media_type = part["mediaType"].str();
  if (same_letters(url.substr(0, 5), "data:")) {
    const auto data = parse_data_url(url);
    if (!data) return ".url must have a comma before the data, as in data:image/png;base64,...";
    if (data->data.empty()) return ".url must hold data after the comma";
    if (data->base64 && !is_base64(data->data))
      return ".url must hold valid base64 after the comma";
    if (!data->media_type.empty()) media_type = data->media_type;
  } else if (url.find(':') == View::npos) {
    if (!is_base64(url)) return ".url must be a data URL, an https URL or base64";
  } else if (!same_letters(url.substr(0, 8), "https://")) {
    return ".url must be a data URL, an https URL or base64: send the file itself as a data URL";
  }
  if (media_type.empty()) return ".mediaType must say what the file is, for example image/png";
  return check_optional(part, kOptional);
}

Complaint check_tool_part(Json part, View name) {
  if (name.empty())
    return part["type"].str() == "dynamic-tool" ? ".toolName must name a tool"
                                                : ".type must name a tool after tool-";
  if (!part["toolCallId"].is_string()) return ".toolCallId must be a string";
  if (!part["state"].is_string()) return ".state must be a string";
  if (part["state"].str() == "output-error" && !part["errorText"].is_string())
    return ".errorText must be a string";
  return check_optional(part, kOptional);
}

Complaint check_parts(Json parts);

/// Types that are not named here are dropped, so nothing is asked of them.
Complaint check_part(Json part) {
  if (!part.is_object()) return " must be an object";
  if (!part["type"].is_string()) return ".type must be a string";
  const View type = part["type"].str();
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

Complaint check_parts(Json parts) {
  if (!parts.is_array()) return ".parts must be an array";
  if (const Complaint wrong = check_each(parts, check_part)) return ".parts" + *wrong;
  return std::nullopt;
}

Complaint check_messages(Json messages) {
  if (!messages.is_array() || messages.size() == 0)
    return " must be an array of at least one message";
  bool system_may_follow = true;
  return check_each(messages, [&](Json message) -> Complaint {
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

Complaint check_tool_schema(Json tool) {
  static constexpr Optional kMembers[] = {
      {"description", &Json::is_string, "a string"},
      {"inputSchema", &Json::is_object, "an object"},
      {"mcp", &Json::is_object, "an object"},
  };
  if (!tool.is_object()) return " must be an object";
  if (tool["name"].str().empty()) return ".name must be a string that is not empty";
  return check_optional(tool, kMembers);
}

Complaint check_model(Json model, const std::vector<std::string>& models) {
  if (model.is_null() || std::find(models.begin(), models.end(), model.str()) != models.end())
    return std::nullopt;
  std::string known;
  for (const std::string& name : models) known.append(known.empty() ? "" : ", ").append(name);
  return " must be one of: " + known;
}

Complaint check_model_config(Json config, const std::vector<std::string>& models) {
  const View mode = config["mode"].str();
  if (!config["mode"].is_null() && mode != "backend" && mode != "byok")
    return ".mode must be backend or byok";
  if (const Complaint wrong = check_model(config["remoteModel"], models))
    return ".remoteModel" + *wrong;
  return std::nullopt;
}

Complaint check_text(Json text) {
  if (!text.is_string()) return " must be a string";
  return std::nullopt;
}

Complaint check(Json body, const Choices& choices) {
  static constexpr Optional kMembers[] = {
      {"workflowId", &Json::is_string, "a string"},
      {"threadId", &Json::is_string, "a string"},
      {"initialPageContext", &Json::is_string, "a string"},
      {"modelConfig", &Json::is_object, "an object"},
      {"toolSchemas", &Json::is_array, "an array"},
      {"accepts", &Json::is_array, "an array"},
      {"modelOptions", &Json::is_object, "an object"},
  };
  if (!body.is_object()) return " must be a JSON object";
  if (const Complaint wrong = check_messages(body["messages"])) return ".messages" + *wrong;
  if (const Complaint wrong = check_optional(body, kMembers)) return wrong;
  if (const Complaint wrong = check_model(body["model"], choices.models)) return ".model" + *wrong;
  if (const Complaint wrong = check_model_config(body["modelConfig"], choices.models))
    return ".modelConfig" + *wrong;
  if (const Complaint wrong = check_each(body["toolSchemas"], check_tool_schema))
    return ".toolSchemas" + *wrong;
  if (const Complaint wrong = check_each(body["accepts"], check_text)) return ".accepts" + *wrong;
  if (const Complaint wrong = check_options(body["modelOptions"], choices.options))
    return ".modelOptions" + *wrong;
  return std::nullopt;
}

}  // namespace

Status check_body(Json body, const Choices& choices) {
  const Complaint wrong = check(body, choices);
  if (!wrong) return {};
  return Fail{
      400, "invalid_request", wrong->front() == '.' ? wrong->substr(1) : "the body" + *wrong, {}};
}

}  // namespace gatehouse::plugins::chat
