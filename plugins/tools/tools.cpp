#include "tools.h"

#include <algorithm>
#include <unordered_set>

#include "schema.h"

namespace gatehouse::plugins::tools {
namespace {

constexpr std::size_t kMaxNameBytes = 128;          // longer ones are no names
constexpr std::size_t kMaxDescriptionBytes = 4096;  // every chat pays for it in tokens

/// Whether `chat` will answer it.
bool is_chat(const Exchange& x) {
  return x.route() != -1 && x.method() == "POST" && x.path() == "/api/chat";
}

/// Who asks, by the word of extension-auth, or by its own where there is none.
View caller(const Exchange& x) { return x.notes()["extension_id"].str(x.header("X-Extension-ID")); }

View install_of(const Exchange& x) { return x.notes()["install"].str(); }

/// An id alone would be a key that anybody can name.
std::string key_of(const Exchange& x) {
  const View install = install_of(x);
  std::string key(caller(x));
  return install.empty() ? key.append("@").append(x.client()) : key.append("/").append(install);
}

bool is_name(View text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

/// The rule that a tool breaks, to be put after its place: ".name must be …". Empty: none.
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

void append_tool(std::string& text, Json tool) {
  text += R"({"name":)";
  tool["name"].dump(text);
  for (const View name : {"description", "inputSchema", "mcp"}) {
    if (tool[name].is_null()) continue;
    text.append(",\"").append(name).append("\":");
    tool[name].dump(text);
  }
  text += '}';
}

Fail invalid(std::string message) { return {400, "invalid_request", std::move(message), {}}; }

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
    if (names.size() > 1) text += ',';
    const std::size_t start = text.size();
    append_tool(text, tool);
    if (text.size() - start > max_tool_bytes)
      return invalid(place + " must be at most " + std::to_string(max_tool_bytes) +
                     " bytes of JSON");
  }
  text += ']';
  return text;
}

}  // namespace

Tools::Tools(Host host, Json config)
    : host_(host),
      store_(host),
      sync_route_(host.route("POST", "/api/tools/sync")),
      ttl_(config["ttl"].duration(std::chrono::hours(7 * 24))),
      anyone_(config["anyone"].boolean(!host.is_exposed())),
      max_tools_(static_cast<std::size_t>(config["max_tools"].integer(128))),
      max_tool_bytes_(config["max_tool_size"].bytes(32 << 10)) {}

Status Tools::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() == sync_route_) return sync(x, out);
  if (is_chat(x) && serves(x)) {
    if (Status status = complete(x); !status) return status;
  }
  return next(x, out);
}

bool Tools::serves(const Exchange& x) const { return anyone_ || !install_of(x).empty(); }

Status Tools::sync(Exchange& x, Sink& out) const {
  auto body = x.json();
  if (!body) return body.error();
  if (!body->is_object()) return invalid("the body must be a JSON object");
  const Json id = (*body)["extensionId"], schemas = (*body)["schemas"];
  if (!id.is_string()) return invalid("extensionId must be a string");
  if (id.str().empty() || id.str() != caller(x)) {
    return Fail{403,
                "not_your_tools",
                "extensionId must be the X-Extension-ID of the request: an extension can send its "
                "own tools only.",
                {}};
  }
  if (!serves(x)) {
    return Fail{403,
                "install_required",
                "Tools are kept only for callers that send an install token or a signature; the "
                "gateway's operator can change that "
                "(anyone).",
                {}};
  }
  auto text = checked(schemas, max_tools_, max_tool_bytes_);
  if (!text) return text.error();

  const Status kept = store_.put(x, key_of(x), *text, ttl_);
  if (kept.code() == GH_INVALID) {
    return Fail{
        413,
        "tools_too_large",
        "The tools together are too large for the gateway's store: send fewer or smaller ones.",
        {}};
  }
  if (!kept)
    return Fail{
        503, "store_unavailable", "The tools cannot be kept just now; send them again later.", {}};

  const std::string count = std::to_string(schemas.size());
  return x.reply(out, 200, "application/json",
                 R"({"success":true,"message":"Tools are kept: )" + count +
                     R"(","receivedCount":)" + count + R"(,"storedCount":)" + count + "}");
}

/// Puts the tools that are kept into a chat that says nothing about tools. An empty list says that
/// there are none.
Status Tools::complete(Exchange& x) {
  auto body = x.json();
  if (!body) return body.error();
  if (!body->is_object() || !(*body)["toolSchemas"].is_null())
    return {};  // what is no object, `chat` refuses

  auto kept = store_.get(x, key_of(x));
  if (!kept) {
    warn(x, "the store does not answer");
  } else if (*kept) {
    auto schemas = Document::parse(**kept);
    if (schemas) {
      body->edit("toolSchemas").set(schemas->root());
    } else {
      warn(x, "what the store holds is no JSON");
    }
  }
  return {};
}

/// At most once a minute.
void Tools::warn(const Exchange& x, View why) {
  const auto now = host_.now();
  auto due = next_warning_.load();
  if (now < due || !next_warning_.compare_exchange_strong(due, now + std::chrono::minutes(1)))
    return;
  host_.log(GH_WARN, &x,
            std::string("chats go on without the tools of their extension: ").append(why));
}

}  // namespace gatehouse::plugins::tools

GATEHOUSE_PLUGIN(gatehouse::plugins::tools::Tools, "tools", "1.0.0",
                 "Keeps the tools that extensions send for their later chats", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_HEAD)
