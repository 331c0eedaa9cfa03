/// A chat names its workflow in the member `workflow` of the chat document. What the workflow
/// defines replaces what the client and the ingress have written; the rest stays. A background task
/// reads the file again when it has changed; requests keep the definitions they began with.
#include "workflows.h"

#include <algorithm>

#include "file_schema.h"
#include "gatehouse/models.hpp"
#include "gatehouse/toolkit/json_text.hpp"
#include "gatehouse/toolkit/model_options.hpp"
#include "schema.h"

namespace gatehouse::plugins::workflows {
namespace {

void apply(Json workflow, MutableJson chat);

}  // namespace

Status Workflows::handle(Exchange& x, Sink& out, Next& next) {
  const View id = x.chat()["workflow"].str();
  if (id.empty()) return next(x, out);

  const Definitions all = definitions();
  if (const Json workflow = all->root()["workflows"][id]) {
    apply(workflow, x.chat());
    x.notes().edit("workflow").set(id);
  } else {
    const Document fields;
    fields.root().edit("workflow").set(cut_utf8(id, 64));
    host_.log(GH_WARN, &x, "unknown workflow; the chat continues without it", fields.root());
  }
  return next(x, out);
}

namespace {

/// The prompt replaces the ingress's default and stands before what the client has said.
void write_prompt(Json prompt, MutableJson chat) {
  const Document before;
  before.root().set(chat["system"]);
  MutableJson system = chat.edit("system");
  system.set_array();
  MutableJson part = system.push();
  part.edit("type").set("text");
  part.edit("text").set(prompt);
  for (const Json other : before.root()) {
    if (!other["default"].boolean()) system.push().set(other);
  }
}

/// Erases the tools whose names are not allowed. `name_of`: the name of an element.
template <class NameOf>
void keep_allowed(Json allowed, MutableJson tools, NameOf name_of) {
  const auto is_allowed = [&](Json tool) {
    for (const Json name : allowed) {
      if (name.str() == name_of(tool)) return true;
    }
    return false;
  };
  for (const Json tool : tools) {
    if (!is_allowed(tool)) tools.erase(tool);
  }
}

void apply(Json workflow, MutableJson chat) {
  write_prompt(workflow["systemPrompt"], chat);
  if (const Json model = workflow["preferredModel"]) chat.edit("model").set(model);
  if (const Json limit = workflow["maxTokens"]) chat.edit("max_output_tokens").set(limit);
  write_model_options(workflow, chat);
  const Json allowed = workflow["allowedTools"];
  if (allowed.size() == 0) return;  // all tools
  if (chat["tools"])
    keep_allowed(allowed, chat.edit("tools"), [](Json tool) { return tool["name"].str(); });
  if (chat["backend_tools"])
    keep_allowed(allowed, chat.edit("backend_tools"), [](Json name) { return name.str(); });
}

}  // namespace

Workflows::Workflows(Host host, Json config)
    : host_(host), file_(config["file"].str()), stamp_(Files(host).stamp(file_)) {
  OpenApi(host).describe(GATEHOUSE_OPENAPI);
  host.route<&Workflows::list>(this, "GET", "/api/workflows");
  std::vector<std::string> problems;
  definitions_ = load(problems);
  for (const std::string& problem : problems) host.problem("/file", problem);
  const OfferedModels offered(host);
  for (const Json workflow : definitions_ ? Json(definitions_->root()["workflows"]) : Json()) {
    if (const View model = workflow["preferredModel"].str(); !model.empty()) offered.offer(model);
  }
  background<&Workflows::watch>(host, this);
}

Workflows::Definitions Workflows::load(std::vector<std::string>& problems) const {
  auto document = Files(host_).load(file_, kFileSchema, problems);
  return document ? std::make_shared<const Document>(std::move(*document)) : nullptr;
}

Workflows::Definitions Workflows::definitions() const {
  const std::lock_guard lock(mutex_);
  return definitions_;
}

/// For a menu: without prompts.
Status Workflows::list(Exchange& x, Sink& out) {
  const Definitions all = definitions();
  std::string body;
  JsonText text(body);
  text.open('{').key("workflows").open('[');
  for (const auto [id, workflow] : all->root()["workflows"].members()) {
    text.open('{').member("id", id);
    for (const View name : {"name", "description", "preferredModel", "allowedTools"}) {
      if (workflow[name]) text.member(name, workflow[name]);
    }
    text.close('}');
  }
  text.close(']').close('}');
  return x.reply(out, 200, "application/json", body);
}

/// Uses what the file has now; as long as it is invalid, what it had before.
void Workflows::watch(Exchange& x) {
  while (host_.sleep(x, std::chrono::seconds(1))) {
    const std::uint64_t stamp = Files(host_).stamp(file_);
    if (stamp == stamp_) continue;
    stamp_ = stamp;
    std::vector<std::string> problems;
    const Definitions changed = load(problems);
    for (const std::string& problem : problems)
      host_.error("workflows not reloaded, the previous ones stay in use: " + problem);
    if (!changed || changed->root().dump() == definitions()->root().dump()) continue;
    {
      const std::lock_guard lock(mutex_);
      definitions_ = changed;
    }
    host_.info("workflows reloaded");
  }
}

}  // namespace gatehouse::plugins::workflows

GATEHOUSE_PLUGIN(gatehouse::plugins::workflows::Workflows, "workflows", "1.0.0",
                 "Prompts, tools and models that clients choose by name", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_UNLOADS)
