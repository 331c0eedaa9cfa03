/// The body of POST /api/tools/sync, and what becomes of its tools in a later chat.
#include "plugins/tools/tools.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "crypto.h"
#include "gatehouse/testing.hpp"
#include "plugins/gemini/request.h"
#include "require.h"

namespace gatehouse {
namespace {

/// The tools that a chat must offer, as another parser reads them; nothing if that one rejects
/// what we mend: lone surrogates.
std::optional<nlohmann::json> expected(const std::string& body) {
  const auto sent = nlohmann::json::parse(body, nullptr, false);
  if (sent.is_discarded()) return std::nullopt;
  auto tools = nlohmann::json::array();
  for (const auto& tool : sent["schemas"]) {
    const auto mcp = tool.value("mcp", nlohmann::json());
    if (mcp.is_object() && mcp.value("executionLocation", nlohmann::json()) == "backend") continue;
    auto& offered = tools.emplace_back(nlohmann::json{{"name", tool["name"]}});
    if (tool.contains("description") && !tool["description"].is_null())
      offered["description"] = tool["description"];
    if (tool.contains("inputSchema") && !tool["inputSchema"].is_null())
      offered["input_schema"] = tool["inputSchema"];
  }
  return tools;
}

/// As the provider does.
Status call_model(Exchange& x, std::string& offered) {
  offered = x.chat()["tools"].dump();
  static const plugins::gemini::Model kModel;
  static const Crypto kCrypto = crypto();
  plugins::gemini::ToolNames names(kCrypto, x.chat()["tools"]);
  require(
      nlohmann::json::accept(plugins::gemini::request_body(x.chat(), {kModel, Json(), names, {}})),
      "the request to the model is JSON");
  return {};
}

}  // namespace
}  // namespace gatehouse

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  testing::Request sync("POST", "/api/tools/sync"), chat("POST", "/api/chat");
  sync.headers = {{"Content-Type", "application/json"}};
  sync.body.assign(reinterpret_cast<const char*>(data), size);
  chat.chat = R"({"model": "m", "messages": [
      {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})";
  sync.caller.tenant = chat.caller.tenant = "x";
  testing::Harness h;
  plugins::tools::Tools tools(
      h.host(), h.config(R"({"ttl": "1h", "max_tools": 8, "max_tool_size": "1KiB"})"));

  const int status = h.run(tools, sync).status;
  require(status == 200 || status == 400 || status == 403,
          "tools that are not kept are the client's mistake");
  require(h.store.size() == (status == 200), "rejected tools are not kept");

  std::string offered;
  h.next = [&offered](Exchange& x, Sink&) { return call_model(x, offered); };
  require(h.run(tools, chat).status == 200, "kept tools fail no chat");
  if (status != 200) {
    require(offered == "null", "rejected tools are not offered");
    return 0;
  }
  require(offered.size() <= 8 * 1026 + 2 + 8, "tools are not larger than allowed");
  const auto want = expected(sync.body);
  require(!want || nlohmann::json::parse(offered, nullptr, false) == *want,
          "tools are offered as they were sent");
  return 0;
}
