#include "request.h"

#include <algorithm>

#include "contents.h"
#include "generation.h"
#include "json_schema.h"
#include "json_text.h"
#include "tool_schema.h"

namespace gatehouse::plugins::gemini {
namespace {

/// Images make up nearly all of a large body: with them counted, it grows without being copied.
std::size_t size_hint(Json messages) {
  std::size_t bytes = 1024;
  for (const Json message : messages) {
    for (const Json part : message["content"])
      bytes += part["data"].str().size() + part["text"].str().size() + 128;
  }
  return bytes;
}

/// The tools that Google runs for a model, and what the API calls them.
constexpr std::pair<View, View> kBuiltinTools[] = {{"google_search", "googleSearch"},
                                                   {"url_context", "urlContext"},
                                                   {"code_execution", "codeExecution"}};

bool contains(Json texts, View text) {
  for (const Json each : texts) {
    if (each.str() == text) return true;
  }
  return false;
}

/// False for a function that takes none, of which Gemini wants to hear nothing.
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
        model_(options.model),
        settings_(options.settings),
        choice_(chat["tool_choice"]),
        functions_(count_functions()) {}

  std::string write() {
    out_.reserve(size_hint(chat_["messages"]));
    out_.push_back('{');
    const bool wants_json = chat_["response_format"].is_object();
    const bool answers_json =
        wants_json && model_.response_schema && (model_.schema_with_functions || functions_ == 0);
    append_generation(out_, chat_, settings_, model_, answers_json);
    append_contents(out_, chat_, options_);
    append_system(wants_json && !answers_json);
    append_tools();
    append_policy();
    if (!options_.continuation_token.empty())
      string_member(out_, "continuationToken", options_.continuation_token);
    out_.push_back('}');
    return std::move(out_);
  }

 private:
  void append_tools() {
    const std::size_t start = out_.size();
    key(out_, "tools");
    out_.push_back('[');
    const std::size_t first = out_.size();
    if (functions_ > 0) append_functions();
    const bool builtin = append_builtin_tools();
    if (out_.size() == first) return out_.resize(start);
    out_.push_back(']');
    append_tool_config(builtin);
  }

  ToolForm form_of(std::size_t index) const {
    return index < options_.tools.size() ? options_.tools[index] : ToolForm::whole;
  }

  std::size_t count_functions() const {
    if (!model_.functions) return 0;
    const auto left_out =
        std::count(options_.tools.begin(), options_.tools.end(), ToolForm::left_out);
    return std::min(chat_["tools"].size() - static_cast<std::size_t>(left_out), kMaxFunctions);
  }

  void append_functions() {
    SchemaWriter schemas(out_);
    ToolSchemas openapi(out_);
    out_.append("{\"functionDeclarations\":[");
    std::size_t index = 0, left = functions_;
    for (const Json tool : chat_["tools"]) {
      const ToolForm form = form_of(index++);
      if (form == ToolForm::left_out) continue;
      if (left-- == 0) break;
      comma(out_);
      out_.push_back('{');
      string_member(out_, "name", options_.names.out(tool["name"].str()));
      string_member(out_, "description", tool["description"].str());
      append_parameters(tool["input_schema"], form, schemas, openapi);
      out_.push_back('}');
    }
    out_.append("]}");
  }

  void append_parameters(Json schema, ToolForm form, SchemaWriter& schemas, ToolSchemas& openapi) {
    const bool is_openapi = settings_["tool_schema"].str() == "openapi";
    if (is_openapi && form == ToolForm::whole) return openapi.append(schema);
    if (!has_arguments(schema)) return;
    key(out_, is_openapi ? "parameters" : "parametersJsonSchema");
    form == ToolForm::whole ? schemas.append_arguments(schema) : schemas.append_bare(schema);
  }

  bool append_builtin_tools() {
    if (!model_.search || choice_.str() == "none" ||
        (functions_ > 0 && !model_.search_with_functions))
      return false;
    bool any = false;
    for (const auto& [name, geminis] : kBuiltinTools) {
      if (!contains(settings_["builtin_tools"], name) && !contains(chat_["provider_tools"], name))
        continue;
      comma(out_);
      out_.append("{\"").append(geminis).append("\":{}}");
      any = true;
    }
    return any;
  }

  void append_tool_config(bool builtin) {
    if (functions_ == 0) return;
    key(out_, "toolConfig");
    out_.push_back('{');
    if (builtin) out_.append("\"includeServerSideToolInvocations\":true");
    key(out_, "functionCallingConfig");
    const View name =
        options_.names.offered(choice_["name"].str()) ? choice_["name"].str() : View();
    const bool validated = builtin || settings_["tool_mode"].str() == "validated";
    const View mode = choice_.str() == "none"                        ? "NONE"
                      : choice_.str() == "required" || !name.empty() ? "ANY"
                      : validated                                    ? "VALIDATED"
                                                                     : "AUTO";
    out_.append("{\"mode\":\"").append(mode).push_back('"');
    if (!name.empty()) {
      key(out_, "allowedFunctionNames");
      out_.push_back('[');
      quote(out_, options_.names.out(name));
      out_.push_back(']');
    }
    out_.append("}}");
  }

  /// `asks_for_json`: in words, where the model cannot be asked for it otherwise.
  void append_system(bool asks_for_json) {
    if (!model_.system_instruction) return;
    const std::size_t start = out_.size();
    key(out_, "systemInstruction");
    out_.append("{\"parts\":[");
    const std::size_t first = out_.size();
    for_each_system_text(chat_, [&](const std::string& text) { append_text(out_, text); });
    if (asks_for_json) {
      const Json schema = chat_["response_format"]["schema"];
      append_text(
          out_, "Answer with nothing but JSON" +
                    (schema ? " that fits this JSON Schema: " + schema.dump() : std::string(".")));
    }
    if (out_.size() == first) return out_.resize(start);
    out_.append("]}");
  }

  void append_policy() {
    if (const Json tier = settings_["service_tier"]) json_member(out_, "serviceTier", tier);
    const Json safety = settings_["safety"];
    if (!safety) return;
    key(out_, "safetySettings");
    out_.push_back('[');
    for (const auto [category, threshold] : safety.members()) {
      comma(out_);
      out_.push_back('{');
      string_member(out_, "category", "HARM_CATEGORY_" + upper(category));
      string_member(out_, "threshold", upper(threshold.str()));
      out_.push_back('}');
    }
    out_.push_back(']');
  }

  const Json chat_;
  const RequestOptions& options_;
  const Model& model_;
  const Json settings_;
  const Json choice_;
  const std::size_t functions_;  // declared
  std::string out_;
};

}  // namespace

std::string request_body(Json chat, const RequestOptions& options) {
  return RequestWriter(chat, options).write();
}

}  // namespace gatehouse::plugins::gemini
