/// A GenerateContentRequest is written straight into a string, in one pass over the chat document:
/// generation.cpp writes how to respond, contents.cpp the conversation, this file the rest. What
/// the request cannot carry was found by chat_check.cpp before, by the same rules: offer_of().
#include "request.h"

#include <algorithm>

#include "api_json.h"
#include "contents.h"
#include "gatehouse/toolkit/contains.hpp"
#include "gatehouse/toolkit/conversation.hpp"
#include "generation.h"
#include "json_schema.h"
#include "tool_schema.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr std::pair<View, View> kProviderTools[] = {{"google_search", "googleSearch"},
                                                    {"url_context", "urlContext"},
                                                    {"code_execution", "codeExecution"}};

/// Texts and images make up nearly all of a large body: with them counted, it grows without being
/// copied. A sixteenth more is for escapes: program code has one in some 20 characters.
std::size_t size_hint(Json messages) {
  std::size_t bytes = 1024;
  for (const Json message : messages) {
    for (const Json part : message["content"]) {
      const Json text = part["text"];
      const std::size_t size = (text ? text : part["data"]).str().size();
      bytes += size + size / 16 + 128;
    }
  }
  return bytes;
}

Json find_provider_tool(Json chat, View name) {
  for (const Json tool : chat["provider_tools"]) {
    if (tool["name"].str() == name) return tool;
  }
  return Json();
}

/// False for a function without arguments, for which Gemini accepts no schema.
bool has_arguments(Json schema) {
  if (!schema.is_object()) return false;
  for (const char* more : {"anyOf", "oneOf", "allOf", "$ref", "patternProperties"}) {
    if (schema[more]) return true;
  }
  const Json others = schema["additionalProperties"];
  return schema["type"].str() != "object" || schema["properties"].size() > 0 ||
         others.is_object() || others.boolean();
}

class RequestWriter {
 public:
  RequestWriter(Json chat, const RequestOptions& options)
      : chat_(chat),
        options_(options),
        settings_(options.settings),
        choice_(chat["tool_choice"]),
        offer_(offer_of(chat, options)),
        json_(out_) {}

  std::string write() {
    out_.reserve(size_hint(chat_["messages"]));
    json_.open('{');
    append_generation(out_, chat_, settings_, options_.model, offer_.json);
    append_contents(out_, chat_, options_);
    append_system();
    append_tools(true);
    append_policy();
    if (const View token = options_.continuation_token; !token.empty())
      json_.member("continuationToken", token);
    json_.close('}');
    return std::move(out_);
  }

  std::string write_count(View model) {
    json_.open('{').key("generateContentRequest").open('{');
    json_.member("model", "models/" + std::string(model));
    append_contents(out_, chat_, options_);
    append_system();
    append_tools(false);
    json_.close('}').close('}');
    return std::move(out_);
  }

 private:
  void append_tools(bool with_config) {
    bool has_provider_tools = false;
    const std::size_t start = out_.size();
    member_unless_empty(out_, "tools", "[]", [&] {
      if (offer_.functions > 0) append_functions();
      has_provider_tools = append_provider_tools();
    });
    if (with_config && out_.size() > start) append_tool_config(has_provider_tools);
  }

  ToolForm form_of(std::size_t index) const {
    return index < options_.tools.size() ? options_.tools[index] : ToolForm::whole;
  }

  void append_functions() {
    SchemaWriter schemas(out_);
    ToolSchemas openapi(out_);
    json_.open('{').key("functionDeclarations").open('[');
    std::size_t index = 0, left = offer_.functions;
    for (const Json tool : chat_["tools"]) {
      const ToolForm form = form_of(index++);
      if (form == ToolForm::left_out) continue;
      if (left-- == 0) break;
      json_.open('{').member("name", options_.names.out(tool["name"].str()));
      json_.member("description", tool["description"].str());
      append_parameters(tool["input_schema"], form, schemas, openapi);
      json_.close('}');
    }
    json_.close(']').close('}');
  }

  void append_parameters(Json schema, ToolForm form, SchemaWriter& schemas, ToolSchemas& openapi) {
    const bool is_openapi = settings_["tool_schema"].str() == "openapi";
    if (is_openapi && form == ToolForm::whole) return openapi.append(schema);
    if (!has_arguments(schema)) return;
    json_.key(is_openapi ? "parameters" : "parametersJsonSchema");
    if (form == ToolForm::whole) {
      schemas.append_arguments(schema);
    } else {
      schemas.append_bare(schema);
    }
  }

  bool append_provider_tools() {
    if (!offer_.provider_tools) return false;
    const std::size_t start = out_.size();
    for (const auto& [name, api_name] : kProviderTools) {
      if (!wants_provider_tool(chat_, settings_, name)) continue;
      const Json settings = find_provider_tool(chat_, name)["settings"];
      json_.open('{').key(api_name);
      if (settings.is_object()) {
        json_.value(settings);
      } else {
        json_.raw("{}");
      }
      json_.close('}');
    }
    return out_.size() > start;
  }

  void append_tool_config(bool has_provider_tools) {
    if (offer_.functions == 0) return;
    json_.key("toolConfig").open('{');
    if (has_provider_tools) json_.member("includeServerSideToolInvocations", true);
    json_.key("functionCallingConfig").open('{');
    const std::vector<View> allowed = allowed_names();
    json_.member("mode", mode(has_provider_tools || !allowed.empty()));
    if (!allowed.empty()) {
      json_.key("allowedFunctionNames").open('[');
      for (const View name : allowed) json_.value(options_.names.out(name));
      json_.close(']');
    }
    json_.close('}').close('}');
  }

  /// `validated`: the request has what Gemini takes in this mode only.
  View mode(bool validated) const {
    const View wanted = choice_["mode"].str();
    if (wanted == "none") return "NONE";
    if (wanted == "required") return "ANY";
    return validated || settings_["tool_mode"].str() == "validated" ? "VALIDATED" : "AUTO";
  }

  std::vector<View> allowed_names() const {
    std::vector<View> names;
    if (choice_["mode"].str() == "none") return names;
    for (const Json name : choice_["names"]) {
      if (options_.names.offered(name.str())) names.push_back(name.str());
    }
    return names;
  }

  void append_system() {
    if (!options_.model.system_instruction) return;
    const std::size_t start = out_.size();
    json_.key("systemInstruction").open('{');
    const std::size_t first = out_.size();
    member_unless_empty(out_, "parts", "[]", [&] {
      for_each_system_text(chat_, [&](const std::string& text) { append_text(out_, text); });
      append_format();
    });
    if (out_.size() == first) return out_.resize(start);
    json_.close('}');
  }

  /// The response format in words, where the API does not enforce it.
  void append_format() {
    const Json format = chat_["response_format"];
    if (!format.is_object() || offer_.json) return;
    std::string text = "Respond with nothing but JSON";
    if (const Json schema = format["schema"])
      text.append(" that fits this JSON Schema: ").append(schema.dump());
    append_text(out_, text);
  }

  void append_policy() {
    if (const Json tier = settings_["service_tier"]) json_.member("serviceTier", tier);
    const Json safety = settings_["safety"];
    if (!safety) return;
    json_.key("safetySettings").open('[');
    for (const auto [category, threshold] : safety.members()) {
      json_.open('{').member("category", "HARM_CATEGORY_" + upper(category));
      json_.member("threshold", upper(threshold.str())).close('}');
    }
    json_.close(']');
  }

  const Json chat_;
  const RequestOptions& options_;
  const Json settings_;
  const Json choice_;
  const Offer offer_;
  std::string out_;
  JsonText json_;
};

}  // namespace

Offer offer_of(Json chat, const RequestOptions& options) {
  const Model& model = options.model;
  const auto left_out = static_cast<std::size_t>(
      std::count(options.tools.begin(), options.tools.end(), ToolForm::left_out));
  Offer offer{};
  if (model.functions) offer.functions = std::min(chat["tools"].size() - left_out, kMaxFunctions);
  const bool has_functions = offer.functions > 0;
  offer.provider_tools = model.search && chat["tool_choice"]["mode"].str() != "none" &&
                         (!has_functions || model.search_with_functions);
  offer.json = chat["response_format"].is_object() && model.response_schema &&
               (!has_functions || model.schema_with_functions);
  return offer;
}

View api_name_of(View provider_tool) {
  for (const auto& [name, api_name] : kProviderTools) {
    if (name == provider_tool) return api_name;
  }
  return {};
}

bool wants_provider_tool(Json chat, Json settings, View name) {
  return contains(settings["builtin_tools"], name) || find_provider_tool(chat, name);
}

std::string request_body(Json chat, const RequestOptions& options) {
  return RequestWriter(chat, options).write();
}

std::string count_body(Json chat, View model, const RequestOptions& options) {
  return RequestWriter(chat, options).write_count(model);
}

}  // namespace gatehouse::plugins::gemini
