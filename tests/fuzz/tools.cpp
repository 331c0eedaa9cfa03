/// The body of POST /api/tools/sync, and what becomes of its tools in a later chat.
#include "plugins/tools/tools.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "crypto.h"
#include "gatehouse/testing.hpp"
#include "plugins/chat/body.h"
#include "plugins/chat/document.h"
#include "plugins/gemini/request.h"
#include "require.h"

namespace gatehouse {
namespace {

/// What a chat has to be offered, by the reading of another parser; nothing if that one refuses
/// what we mend: lone surrogates.
std::optional<nlohmann::json> expected(const std::string& body) {
  const auto sent = nlohmann::json::parse(body, nullptr, false);
  if (sent.is_discarded()) return std::nullopt;
  auto tools = nlohmann::json::array();
  for (const auto& tool : sent["schemas"]) {
    auto& kept = tools.emplace_back(nlohmann::json::object());
    for (const char* name : {"name", "description", "inputSchema", "mcp"}) {
      if (tool.contains(name) && !tool[name].is_null()) kept[name] = tool[name];
    }
  }
  return tools;
}

/// As `chat` and `gemini` do.
Status ask_model(Exchange& x, std::string& offered) {
  auto body = x.json();
  require(bool(body), "a chat stays JSON");
  offered = Json(*body)["toolSchemas"].dump();
  if (Status status = check_body(*body, {}); !status) return status;
  if (Status status =
          write_document(*body, {"gemini-3.8-flash", "", 1, 1000, false}, x.make_chat());
      !status)
    return status;
  static const Model kModel;
  static const Crypto kCrypto = crypto();
  ToolNames names(kCrypto, x.chat()["tools"]);
  require(nlohmann::json::accept(request_body(x.chat(), {kModel, Json(), names, {}})),
          "the request to the model is JSON");
  return {};
}

}  // namespace
}  // namespace gatehouse

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string body(reinterpret_cast<const char*>(data), size);
  const testing::Headers extension{{"X-Extension-ID", "x"}};
  testing::Harness h;
  Tools tools(h.host(), h.config(R"({"max_tools": 8, "max_tool_size": "1KiB"})"));
  h.host().route("POST", "/api/chat");

  const int status = h.post(tools, "/api/tools/sync", body, extension).status;
  require(status == 200 || status == 400 || status == 403,
          "tools that are not kept are the client's mistake");
  require(h.store.size() == (status == 200), "what is refused is not kept");

  std::string offered;
  h.next = [&offered](Exchange& x, Sink&) { return ask_model(x, offered); };
  const auto chat =
      h.post(tools, "/api/chat",
             R"({"messages":[{"role":"user","parts":[{"type":"text","text":"Hi"}]}]})", extension);
  require(chat.status == 200, "tools that were kept spoil no chat");
  if (status != 200) {
    require(offered == "null", "what is refused is not offered");
    return 0;
  }
  require(offered.size() <= 8 * 1026 + 2, "tools are not larger than allowed");
  const auto want = expected(body);
  require(!want || nlohmann::json::parse(offered, nullptr, false) == *want,
          "tools are offered as they were sent");
  return 0;
}
