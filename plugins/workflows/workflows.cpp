#include "workflows.h"

#include "gatehouse/models.hpp"
#include "schema.h"

namespace gatehouse::plugins::workflows {
namespace {

/// Of the file. Prompts are kept out of messages about it.
constexpr View kFileSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["workflows"],
  "properties": {
    "workflows": {
      "type": "object",
      "propertyNames": {"pattern": "^[A-Za-z0-9_.-]{1,64}$", "x-words": "1 to 64 letters, digits, dots, _ or -"},
      "additionalProperties": {
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "systemPrompt"],
        "properties": {
          "name": {"type": "string", "minLength": 1},
          "description": {"type": "string"},
          "systemPrompt": {"type": "string", "minLength": 1, "x-secret": true},
          "allowedTools": {"type": "array", "items": {"type": "string", "minLength": 1}},
          "preferredModel": {"type": "string", "minLength": 1},
          "temperature": {"type": "number", "minimum": 0, "maximum": 2},
          "maxTokens": {"type": "integer", "minimum": 1, "maximum": 10000000},
          "thinking": {
            "anyOf": [
              {"enum": ["off", "minimal", "low", "medium", "high", "xhigh"]},
              {"type": "integer", "minimum": 0, "maximum": 10000000}
            ]
          },
          "topP": {"type": "number", "minimum": 0, "maximum": 1},
          "topK": {"type": "integer", "minimum": 1, "maximum": 1000},
          "seed": {"type": "integer", "minimum": -2147483648, "maximum": 2147483647},
          "stop": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 256}, "minItems": 1, "maxItems": 5},
          "toolChoice": {
            "anyOf": [
              {"enum": ["auto", "none", "required"]},
              {
                "type": "object",
                "additionalProperties": false,
                "required": ["name"],
                "properties": {"name": {"type": "string", "minLength": 1}}
              }
            ]
          },
          "providerTools": {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9_]{1,64}$", "x-words": "the name of a tool of the provider, such as google_search"}, "maxItems": 16},
          "responseFormat": {
            "type": "object",
            "additionalProperties": false,
            "properties": {"schema": {"type": "object"}}
          },
          "modalities": {"type": "array", "items": {"enum": ["text", "image", "audio"]}, "minItems": 1}
        }
      }
    }
  }
})";

/// What a workflow says about how the model is asked: the member of the chat document, and that of
/// the file.
constexpr std::pair<View, View> kMembers[] = {
    {"model", "preferredModel"},
    {"temperature", "temperature"},
    {"max_output_tokens", "maxTokens"},
    {"thinking", "thinking"},
    {"top_p", "topP"},
    {"top_k", "topK"},
    {"seed", "seed"},
    {"stop", "stop"},
    {"tool_choice", "toolChoice"},
    {"provider_tools", "providerTools"},
    {"response_format", "responseFormat"},
    {"modalities", "modalities"},
    {"allowed_tools", "allowedTools"},
};

/// Whether `chat` will answer it. Nobody answers POST /api/chat where there is no `chat`.
bool is_chat(const Exchange& x) {
  return x.route() != -1 && x.method() == "POST" && x.path() == "/api/chat";
}

}  // namespace

Workflows::Workflows(Host host, Json config)
    : host_(host),
      file_(config["file"].str()),
      stamp_(Files(host).stamp(file_)),
      list_route_(host.route("GET", "/api/workflows")) {
  std::vector<std::string> problems;
  if (auto document = Files(host).load(file_, kFileSchema, problems))
    definitions_ = std::make_shared<const Document>(std::move(*document));
  for (const std::string& problem : problems) host.problem("/file", problem);
  const OfferedModels offered(host);
  for (const Json workflow : definitions_ ? Json(definitions_->root()["workflows"]) : Json()) {
    if (const View model = workflow["preferredModel"].str(); !model.empty()) offered.offer(model);
  }
  background<&Workflows::watch>(host, this);
}

Status Workflows::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() == list_route_) return list(x, out);
  if (is_chat(x)) {
    if (Status status = apply(x); !status) return status;
  }
  return next(x, out);
}

Workflows::Definitions Workflows::definitions() const {
  const std::lock_guard lock(mutex_);
  return definitions_;
}

/// For a menu: no prompts.
Status Workflows::list(Exchange& x, Sink& out) const {
  const Definitions all = definitions();
  std::string body = R"({"workflows":[)";
  for (const auto [id, workflow] : all->root()["workflows"].members()) {
    if (body.back() != '[') body += ',';
    body += R"({"id":)";
    quote(body, id);
    for (const View name : {"name", "description", "preferredModel", "allowedTools"}) {
      if (!workflow[name]) continue;
      body.append(",\"").append(name).append("\":");
      workflow[name].dump(body);
    }
    body += '}';
  }
  body += "]}";
  return x.reply(out, 200, "application/json", body);
}

Status Workflows::apply(Exchange& x) const {
  auto body = x.json();
  if (!body) return body.error();
  const View id = (*body)["workflowId"].str();  // `chat` refuses what is no string
  if (id.empty()) return {};

  const Definitions all = definitions();
  const Json workflow = all->root()["workflows"][id];
  if (!workflow) {
    const Document fields;
    fields.root().edit("workflow").set(id.substr(0, 64));
    host_.log(GH_WARN, &x, "no such workflow; the chat goes on without", fields.root());
    return {};
  }

  MutableJson chat = x.make_chat();
  chat.edit("workflow").set(id);
  chat.edit("system").push().set(workflow["systemPrompt"]);
  for (const auto& [member, from] : kMembers) {
    if (const Json value = workflow[from]) chat.edit(member).set(value);
  }
  return {};
}

/// Uses what the file says now; as long as it is broken, what it said before.
void Workflows::watch(Exchange& x) {
  while (host_.sleep(x, std::chrono::seconds(1))) {
    const std::uint64_t stamp = Files(host_).stamp(file_);
    if (stamp == stamp_) continue;
    stamp_ = stamp;
    std::vector<std::string> problems;
    auto document = Files(host_).load(file_, kFileSchema, problems);
    for (const std::string& problem : problems)
      host_.error("the workflows stay as they were: " + problem);
    if (!document || document->root().dump() == definitions()->root().dump()) continue;
    {
      const std::lock_guard lock(mutex_);
      definitions_ = std::make_shared<const Document>(std::move(*document));
    }
    host_.info("the workflows have changed");
  }
}

}  // namespace gatehouse::plugins::workflows

GATEHOUSE_PLUGIN(gatehouse::plugins::workflows::Workflows, "workflows", "1.0.0",
                 "Prompts, tools and models that clients choose by name", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_HEAD)
