#pragma once

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "mcp.h"

namespace gatehouse::plugins::mcp {

using namespace testing;
using testing::Request;

/// A gateway with the server `web`, which has the tools read and write.
struct McpTest : ::testing::Test {
  explicit McpTest(View server = "", View plugin = R"(, "max_result": "1KiB")")
      : mcp(h.host(), h.config(configuration(server, plugin))) {}

  /// With more settings of the server, and of the plugin.
  static std::string configuration(View server, View plugin) {
    return R"({"servers": [{"name": "web", "url": "http://web")" + std::string(server) + "}]" +
           std::string(plugin) + "}";
  }
  void connect(std::size_t instance = 0) {
    h.upstream.push(reply(400, ""));  // to what only newer servers know
    ++last_id;
    answer_rpc(R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}}})");
    h.upstream.push(reply(202, ""));
    answer_rpc(
        R"({"tools":[{"name":"read","description":"Reads.","inputSchema":{"type":"object"}},)"
        R"({"name":"write","inputSchema":{}}]})");
    h.upstream.push(reply(405, ""));
    h.run_background(2 * instance);  // each also watches its server
  }
  void answer_rpc(const std::string& result) {
    h.upstream.push(reply(200,
                          "{\"id\":" + std::to_string(++last_id) + ",\"result\":" + result + "}",
                          {{"Content-Type", "application/json"}}));
  }
  /// The model responds with these events, and then with a text.
  Events ask(View chat, Events model) {
    h.next = in_turn({events(std::move(model)), answer("Done")});
    return h.ask(mcp, chat).events;
  }
  /// The tools of the n-th call of the model.
  std::string offered(std::size_t index = 0) { return h.json(h.chats.at(index))["tools"].dump(); }

  Harness h;
  std::int64_t last_id = 0;
  std::size_t instances = 0;  // besides the first
  Mcp mcp;
};

}  // namespace gatehouse::plugins::mcp
