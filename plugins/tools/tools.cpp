/// What an extension syncs is checked and stored as the JSON text of its tools; a chat without
/// tools gets it in the form of the chat document. The store is the only state.
#include "tools.h"

#include <algorithm>
#include <unordered_set>

#include "gatehouse/toolkit/json_text.hpp"
#include "gatehouse/toolkit/tool_schemas.hpp"
#include "schema.h"

namespace gatehouse::plugins::tools {
namespace {

std::string key_of(const Exchange& x);
Fail invalid(std::string message);
Result<std::string> checked(Json schemas, std::size_t max_tools, std::size_t max_tool_bytes);

}  // namespace

Tools::Tools(Host host, Json config)
    : host_(host),
      store_(host),
      ttl_(config["ttl"].duration()),
      anyone_(config["anyone"].boolean(!host.is_exposed())),
      max_tools_(static_cast<std::size_t>(config["max_tools"].integer())),
      max_tool_bytes_(config["max_tool_size"].bytes()) {
  OpenApi(host).describe(GATEHOUSE_OPENAPI);
  host.route<&Tools::sync>(this, "POST", "/api/tools/sync");
}

/// A client that announces tools, or an empty list of them, has `tools` in its chat document.
Status Tools::handle(Exchange& x, Sink& out, Next& next) {
  if (!x.chat()["tools"] && serves(x.caller())) fill_in(x);
  return next(x, out);
}

bool Tools::serves(const Caller& caller) const {
  return !caller.tenant.empty() && (anyone_ || !caller.user.empty());
}

void Tools::fill_in(Exchange& x) {
  auto kept = store_.get(x, key_of(x));
  if (!kept) return warn(x, "the store is unavailable");
  if (!*kept) return;
  auto schemas = Document::parse(**kept);
  if (!schemas) return warn(x, "the stored value is not JSON");
  write_tools(schemas->root(), x.chat());
}

void Tools::warn(const Exchange& x, View reason) {
  if (!warn_.due(host_.now())) return;
  host_.log(GH_WARN, &x, std::string("chats continue without synced tools: ").append(reason));
}

Status Tools::sync(Exchange& x, Sink& out) {
  auto body = x.json();
  if (!body) return body.error();
  if (!body->is_object()) return invalid("the body must be a JSON object");
  const Json id = (*body)["extensionId"], schemas = (*body)["schemas"];
  if (!id.is_string()) return invalid("extensionId must be a string");
  const Caller caller = x.caller();
  if (caller.tenant.empty()) {
    return Fail{403,
                "not_authenticated",
                "Tools are kept for known callers only; the gateway's operator can put a plugin "
                "that authenticates, such as extension-auth, above this one.",
                {}};
  }
  if (id.str() != caller.tenant) {
    return Fail{403,
                "not_your_tools",
                "extensionId must be the X-Extension-ID of the request: an extension can send its "
                "own tools only.",
                {}};
  }
  if (!serves(caller)) {
    return Fail{403,
                "install_required",
                "Tools are kept only for callers with an install token or a signature; the "
                "gateway's operator can change that (anyone).",
                {}};
  }
  auto text = checked(schemas, max_tools_, max_tool_bytes_);
  if (!text) return text.error();
  if (Status status = keep(x, *text); !status) return status;

  const std::string count = std::to_string(schemas.size());
  return x.reply(out, 200, "application/json",
                 R"({"success":true,"message":"Tools are kept: )" + count +
                     R"(","receivedCount":)" + count + R"(,"storedCount":)" + count + "}");
}

Status Tools::keep(Exchange& x, View tools) const {
  const Status kept = store_.put(x, key_of(x), tools, ttl_);
  if (kept) return {};
  if (kept.code() == GH_INVALID) {
    return Fail{413,
                "tools_too_large",
                "The tools together are too large for the gateway's store: send fewer or smaller "
                "ones.",
                {}};
  }
  return Fail{503, "store_unavailable", "The tools cannot be kept now; send them again later.", {}};
}

namespace {

constexpr std::size_t kMaxNameBytes = 128;          // longer ones are no names
constexpr std::size_t kMaxDescriptionBytes = 4096;  // every chat pays for it in tokens

/// A tenant alone would be a key that anybody can name.
std::string key_of(const Exchange& x) {
  const Caller caller = x.caller();
  std::string key;
  quote(key, caller.tenant);  // JSON strings keep the tenant apart from the user
  key.append(caller.user.empty() ? "@" : "/");
  quote(key, caller.user.empty() ? x.client() : caller.user);
  return key;
}

Fail invalid(std::string message) { return {400, "invalid_request", std::move(message), {}}; }

bool is_name(View text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

/// The rule that a tool breaks, to be put after its place: ".name must be ...". Empty: none.
View broken_rule(Json tool) {
  if (!tool.is_object()) return " must be an object";
  if (!is_name(tool["name"].str()))
    return ".name must be 1 to 128 of the characters A-Z, a-z, 0-9, _, . and -";
  const Json description = tool["description"], input = tool["inputSchema"], mcp = tool["mcp"];
  if (!description.is_null() && !description.is_string()) return ".description must be a string";
  if (description.str().size() > kMaxDescriptionBytes)
    return ".description must be at most 4096 bytes long";
  if (!input.is_null() && !input.is_object()) return ".inputSchema must be an object";
  if (!mcp.is_null() && !mcp.is_object()) return ".mcp must be an object";
  return {};
}

/// The members that are kept.
void append_tool(std::string& out, Json tool) {
  JsonText text(out);
  text.open('{');
  for (const View name : {"name", "description", "inputSchema", "mcp"}) {
    if (!tool[name].is_null()) text.member(name, tool[name]);
  }
  text.close('}');
}

/// What is kept of the schemas, as JSON; or the first rule that they break.
Result<std::string> checked(Json schemas, std::size_t max_tools, std::size_t max_tool_bytes) {
  if (!schemas.is_array() || schemas.size() > max_tools) {
    return invalid("schemas must be an array of at most " + std::to_string(max_tools) + " tools");
  }
  std::string text = "[";
  std::unordered_set<View> names;
  for (const Json tool : schemas) {
    const std::string place = "schemas[" + std::to_string(names.size()) + "]";
    if (const View rule = broken_rule(tool); !rule.empty())
      return invalid(place + std::string(rule));
    if (!names.insert(tool["name"].str()).second)
      return invalid(place + ".name must not be that of a tool before it");
    const std::size_t before = text.size();
    append_tool(text, tool);
    const std::size_t comma = names.size() > 1 ? 1 : 0;
    if (text.size() - before - comma > max_tool_bytes)
      return invalid(place + " must be at most " + std::to_string(max_tool_bytes) +
                     " bytes of JSON");
  }
  return text += ']';
}

}  // namespace
}  // namespace gatehouse::plugins::tools

GATEHOUSE_PLUGIN(gatehouse::plugins::tools::Tools, "tools", "1.0.0",
                 "Keeps the tools that extensions send, for their later chats", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_UNLOADS)
