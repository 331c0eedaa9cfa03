#include "tools.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::tools {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;

const std::string kId(32, 'a');
const std::string kOtherId(32, 'b');

/// The plugin in a gateway with `chat`.
struct ToolsTest : ::testing::Test {
  Harness h;
  Tools tools{h.host(), h.config("{}")};
  std::string install;     // what extension-auth notes
  std::string asked_with;  // the toolSchemas that `chat` finds

  ToolsTest() {
    h.host().route("POST", "/api/chat");
    h.next = [this](Exchange& x, Sink&) -> Status {
      auto body = x.json();
      if (!body) return body.error();
      asked_with = body->is_object() ? (*body)["toolSchemas"].dump() : "";
      return {};
    };
  }

  /// Stands above the plugin.
  struct Auth final : Plugin {
    explicit Auth(ToolsTest& t) : test(t) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      x.notes().edit("extension_id").set(x.header("X-Extension-ID"));
      if (!test.install.empty()) x.notes().edit("install").set(View(test.install));
      return test.tools.handle(x, out, next);
    }
    ToolsTest& test;
  } auth{*this};

  Answer sync(View schemas, const std::string& id = kId) {
    return h.post(auth, "/api/tools/sync",
                  R"({"extensionId": ")" + id +
                      R"(", "version": "1.0", "timestamp": 1, "schemas": )" + std::string(schemas) +
                      "}",
                  {{"X-Extension-ID", id}});
  }
  std::string refusal(View schemas) {
    const Answer answer = sync(schemas);
    EXPECT_EQ(answer.status, 400) << schemas;
    return answer.failure.message;
  }
  std::string tools_of_chat(View body = R"({"messages": []})", const std::string& id = kId) {
    asked_with.clear();
    EXPECT_EQ(h.post(auth, "/api/chat", body, {{"X-Extension-ID", id}}).status, 200) << body;
    return asked_with;
  }
};

TEST_F(ToolsTest, OffersWhatWasSentInLaterChats) {
  const Answer answer =
      sync(R"([{"name": "click", "description": "Click \"it\"", "inputSchema": {"type": "object"},
                                  "mcp": {"executionLocation": "extension"}, "icon": "x.png"}, {"name": "kit_echo", "inputSchema": null}])");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            R"({"success":true,"message":"Tools are kept: 2","receivedCount":2,"storedCount":2})");
  EXPECT_EQ(tools_of_chat(),
            R"([{"name":"click","description":"Click \"it\"","inputSchema":{"type":"object"},)"
            R"("mcp":{"executionLocation":"extension"}},{"name":"kit_echo"}])");
  EXPECT_EQ(tools_of_chat(R"({"toolSchemas": null})").substr(0, 16), R"([{"name":"click")");
}

TEST_F(ToolsTest, LeavesAChatThatNamesItsToolsAsItIs) {
  sync(R"([{"name": "click"}])");
  EXPECT_EQ(tools_of_chat(R"({"toolSchemas": [{"name": "other"}]})"), R"([{"name":"other"}])");
  EXPECT_EQ(tools_of_chat(R"({"toolSchemas": []})"), "[]");
  EXPECT_EQ(tools_of_chat("[]"), "");
}

TEST_F(ToolsTest, OffersTheToolsOfOneExtensionToNoOther) {
  sync(R"([{"name": "click"}])");
  EXPECT_EQ(tools_of_chat("{}", kOtherId), "null");
  install = "laptop";
  EXPECT_EQ(tools_of_chat(), "null");
  sync(R"([{"name": "fold"}])");
  EXPECT_EQ(tools_of_chat(), R"([{"name":"fold"}])");
  install = "";
  EXPECT_EQ(tools_of_chat(), R"([{"name":"click"}])");
}

TEST_F(ToolsTest, LetsNobodyReplaceTheToolsOfAnotherUserOfTheExtension) {
  const auto ask = [this](View path, View body, const std::string& client) {
    testing::Request request("POST", std::string(path));
    request.headers = {{"Content-Type", "application/json"}, {"X-Extension-ID", kId}};
    request.body = body;
    request.client = client;
    asked_with.clear();
    EXPECT_EQ(h.run(auth, request).status, 200);
    return asked_with;
  };
  const auto schemas = [](const std::string& name) {
    return R"({"extensionId": ")" + kId + R"(", "schemas": [{"name": ")" + name + R"("}]})";
  };
  ask("/api/tools/sync", schemas("click"), "192.0.2.1");
  ask("/api/tools/sync", schemas("steal"), "192.0.2.2");
  EXPECT_EQ(ask("/api/chat", "{}", "192.0.2.1"), R"([{"name":"click"}])");
  install = "192.0.2.1";
  EXPECT_EQ(ask("/api/chat", "{}", "192.0.2.3"), "null") << "a name is no address";
}

TEST(Tools, KeepsToolsOfKnownCallersOnlyWhereOtherMachinesAsk) {
  const std::string body = R"({"extensionId": ")" + kId + R"(", "schemas": []})";
  for (const auto& [config, code] :
       {std::pair("{}", "install_required"), std::pair(R"({"anyone": true})", "")}) {
    Harness h;
    h.expose();
    Tools tools(h.host(), h.config(config));
    EXPECT_EQ(h.post(tools, "/api/tools/sync", body, {{"X-Extension-ID", kId}}).failure.code, code);
  }
}

TEST_F(ToolsTest, TakesToolsFromNobodyButTheirExtension) {
  const std::string body = R"({"extensionId": ")" + kId + R"(", "schemas": []})";
  EXPECT_EQ(h.post(auth, "/api/tools/sync", body, {{"X-Extension-ID", kOtherId}}).status, 403);
  EXPECT_EQ(h.post(tools, "/api/tools/sync", body).status, 403);
  EXPECT_EQ(h.post(tools, "/api/tools/sync", R"({"extensionId": "", "schemas": []})").status, 403);
  EXPECT_TRUE(h.store.empty());
}

TEST_F(ToolsTest, GoesByTheHeaderWhereNobodyNotesTheId) {
  const std::string body = R"({"extensionId": ")" + kId + R"(", "schemas": [{"name": "click"}]})";
  EXPECT_EQ(h.post(tools, "/api/tools/sync", body, {{"X-Extension-ID", kId}}).status, 200);
  h.post(tools, "/api/chat", "{}", {{"X-Extension-ID", kId}});
  EXPECT_EQ(asked_with, R"([{"name":"click"}])");
}

TEST_F(ToolsTest, NamesTheRuleThatABodyBreaks) {
  const std::pair<const char*, const char*> cases[] = {
      {"null", "the body must be a JSON object"},
      {"[]", "the body must be a JSON object"},
      {R"({"tools": "x"})", "extensionId must be a string"},
  };
  for (const auto& [body, message] : cases)
    EXPECT_EQ(h.post(auth, "/api/tools/sync", body).failure.message, message) << body;
  EXPECT_EQ(h.post(auth, "/api/tools/sync", "[[").status, 400);
}

TEST_F(ToolsTest, NamesTheToolAndTheRuleThatItBreaks) {
  const std::string name_rule =
      ".name must be 1 to 128 of the characters A-Z, a-z, 0-9, _, . and -";
  EXPECT_EQ(refusal("{}"), "schemas must be an array of at most 128 tools");
  EXPECT_EQ(refusal(R"(["click"])"), "schemas[0] must be an object");
  for (const std::string name : {R"("")", R"("a b")", R"("ü")", "7", "null"})
    EXPECT_EQ(refusal(R"([{"name": )" + name + "}]"), "schemas[0]" + name_rule);
  EXPECT_EQ(refusal(R"([{"name": ")" + std::string(129, 'x') + R"("}])"), "schemas[0]" + name_rule);
  EXPECT_EQ(refusal(R"([{"name": "a"}, {"name": "b", "description": 1}])"),
            "schemas[1].description must be a string");
  EXPECT_EQ(refusal(R"([{"name": "a", "description": ")" + std::string(4097, 'x') + R"("}])"),
            "schemas[0].description must be at most 4096 bytes long");
  EXPECT_EQ(refusal(R"([{"name": "a", "inputSchema": true}])"),
            "schemas[0].inputSchema must be an object");
  EXPECT_EQ(refusal(R"([{"name": "a", "mcp": "files"}])"), "schemas[0].mcp must be an object");
  EXPECT_EQ(refusal(R"([{"name": "a"}, {"name": "b"}, {"name": "a"}])"),
            "schemas[2].name must not be that of a tool before it");
  EXPECT_EQ(refusal(R"([{"name": "a", "mcp": {"x": ")" + std::string(32 << 10, 'x') + R"("}}])"),
            "schemas[0] must be at most 32768 bytes of JSON");
  EXPECT_EQ(sync(R"([{"name": "aZ09_.-)" + std::string(121, 'x') + R"(", "description": ")" +
                 std::string(4096, 'x') + R"("}])")
                .status,
            200);
}

TEST_F(ToolsTest, KeepsWhatItHadWhenItRefuses) {
  sync(R"([{"name": "click"}])");
  EXPECT_EQ(sync(R"([{"name": "fold"}, {}])").status, 400);
  EXPECT_EQ(tools_of_chat(), R"([{"name":"click"}])");
}

TEST(Tools, HasTheLimitsOfTheOperator) {
  Harness h;
  Tools tools(h.host(), h.config(R"({"max_tools": 1, "max_tool_size": "16B"})"));
  const auto refusal = [&](const std::string& schemas) {
    return h
        .post(tools, "/api/tools/sync", R"({"extensionId": "x", "schemas": )" + schemas + "}",
              {{"X-Extension-ID", "x"}})
        .failure.message;
  };
  EXPECT_EQ(refusal(R"([{"name": "a"}, {"name": "b"}])"),
            "schemas must be an array of at most 1 tools");
  EXPECT_EQ(refusal(R"([{"name": "123456"}])"), "schemas[0] must be at most 16 bytes of JSON");
  EXPECT_EQ(refusal(R"([{"name": "12345"}])"), "");
}

TEST_F(ToolsTest, ForgetsToolsAWeekAfterTheyWereSentLast) {
  sync(R"([{"name": "click"}])");
  h.advance(100h);
  sync(R"([{"name": "click"}])");
  h.advance(167h);
  EXPECT_EQ(tools_of_chat(), R"([{"name":"click"}])");
  h.advance(1h);
  EXPECT_EQ(tools_of_chat(), "null");
}

TEST_F(ToolsTest, SaysThatAStoreThatIsDownKeepsNothing) {
  h.store_down = true;
  EXPECT_EQ(sync("[]").status, 503);
}

TEST(Tools, SaysThatTheStoreTakesNoMore) {
  Harness h;
  Tools tools(
      h.host(),
      h.config(
          R"({"ttl": "0s"})"));  // refused by the store with the same status as what is too large
  EXPECT_EQ(h.post(tools, "/api/tools/sync", R"({"extensionId": "x", "schemas": []})",
                   {{"X-Extension-ID", "x"}})
                .status,
            413);
}

TEST_F(ToolsTest, LetsChatsGoOnWithoutTheStoreAndWarnsOnceAMinute) {
  h.store_down = true;
  for (const auto wait : {0s, 59s, 1s}) {
    h.advance(wait);
    EXPECT_EQ(tools_of_chat(), "null");
  }
  EXPECT_EQ(
      h.logs,
      Events(2,
             "warn: chats go on without the tools of their extension: the store does not answer"));
}

TEST_F(ToolsTest, LetsChatsGoOnWhenTheStoreHoldsSomethingElse) {
  h.store[kId + "@127.0.0.1"] = "[{";
  EXPECT_EQ(tools_of_chat(), "null");
  EXPECT_EQ(h.logs, (Events{"warn: chats go on without the tools of their extension: what the "
                            "store holds is no JSON"}));
}

TEST_F(ToolsTest, TouchesNothingButChats) {
  sync(R"([{"name": "click"}])");
  for (const auto& [method, path] :
       {std::pair("POST", "/api/other"), std::pair("PUT", "/api/chat")}) {
    h.host().route(method, path);
    testing::Request request(method, path);
    request.headers = {{"Content-Type", "application/json"}, {"X-Extension-ID", kId}};
    request.body = "{}";
    h.run(auth, request);
    EXPECT_EQ(asked_with, "null") << method << path;
  }
}

TEST(Tools, ReadsNoChatThatNobodyAnswers) {
  Harness h;
  Tools tools(h.host(), h.config("{}"));
  EXPECT_EQ(h.post(tools, "/api/chat", "{").status, 404);
}

}  // namespace
}  // namespace gatehouse::plugins::tools
