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

struct ToolsTest : ::testing::Test {
  Harness h;
  Tools tools{h.host(), h.config("{}")};
  testing::CallerText caller{kId, "", ""};  // as extension-auth establishes it
  std::string client = "127.0.0.1";

  ToolsTest() { h.next = testing::answer(""); }

  Answer run(testing::Request request) {
    request.caller = caller;
    request.client = client;
    return h.run(tools, request);
  }
  Answer post(View body) {
    testing::Request request("POST", "/api/tools/sync");
    request.headers = {{"Content-Type", "application/json"}};
    request.body = body;
    return run(request);
  }
  Answer sync(View schemas) {
    return post(R"({"extensionId": ")" + caller.tenant +
                R"(", "version": "1.0", "timestamp": 1, "schemas": )" + std::string(schemas) + "}");
  }
  std::string refusal(View schemas) {
    const Answer answer = sync(schemas);
    EXPECT_EQ(answer.status, 400) << schemas;
    return answer.failure.message;
  }
  /// The chat document that the plugins below get.
  std::string chat(View document = "{}") {
    testing::Request request("POST", "/api/chat");
    request.chat = document;
    h.chats.clear();
    EXPECT_EQ(run(request).status, 200) << document;
    return h.chats.at(0);
  }
};

TEST_F(ToolsTest, OffersWhatWasSentInLaterChats) {
  const Answer answer =
      sync(R"([{"name": "click", "description": "Click \"it\"", "inputSchema": {"type": "object"},
                                  "mcp": {"executionLocation": "extension"}, "icon": "x.png"},
                                  {"name": "kit_echo", "inputSchema": null}])");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            R"({"success":true,"message":"Tools are kept: 2","receivedCount":2,"storedCount":2})");
  EXPECT_EQ(chat(), R"({"tools":[{"name":"click","description":"Click \"it\"",)"
                    R"("input_schema":{"type":"object"}},{"name":"kit_echo"}]})");
}

TEST_F(ToolsTest, OffersToolsWhereTheyRun) {
  sync(R"([{"name": "here", "mcp": {"executionLocation": "extension"}},
           {"name": "there", "mcp": {"executionLocation": "backend"}},
           {"name": "both", "mcp": {"executionLocation": "either"}}])");
  EXPECT_EQ(chat(),
            R"({"tools":[{"name":"here"},{"name":"both"}],"backend_tools":["there","both"]})");
}

TEST_F(ToolsTest, LeavesAChatThatAnnouncesItsToolsAsItIs) {
  sync(R"([{"name": "click"}])");
  EXPECT_EQ(chat(R"({"tools": [{"name": "other"}]})"), R"({"tools":[{"name":"other"}]})");
  EXPECT_EQ(chat(R"({"tools": []})"), R"({"tools":[]})");
}

TEST_F(ToolsTest, OffersTheToolsOfOneExtensionToNoOther) {
  sync(R"([{"name": "click"}])");
  caller.tenant = kOtherId;
  EXPECT_EQ(chat(), "{}");
  caller = {kId, "laptop", ""};
  EXPECT_EQ(chat(), "{}");
  sync(R"([{"name": "fold"}])");
  EXPECT_EQ(chat(), R"({"tools":[{"name":"fold"}]})");
  caller.user = "";
  EXPECT_EQ(chat(), R"({"tools":[{"name":"click"}]})");
}

TEST_F(ToolsTest, LetsNobodyReplaceTheToolsOfAnotherUserOfTheExtension) {
  client = "192.0.2.1";
  sync(R"([{"name": "click"}])");
  client = "192.0.2.2";
  sync(R"([{"name": "steal"}])");
  client = "192.0.2.1";
  EXPECT_EQ(chat(), R"({"tools":[{"name":"click"}]})");
  caller.user = "192.0.2.1";
  client = "192.0.2.3";
  EXPECT_EQ(chat(), "{}") << "a name is no address";
}

TEST(Tools, KeepsToolsOfKnownUsersOnlyWhereOtherMachinesCanReachTheGateway) {
  testing::Request request("POST", "/api/tools/sync");
  request.headers = {{"Content-Type", "application/json"}};
  request.body = R"({"extensionId": "x", "schemas": []})";
  request.caller.tenant = "x";
  for (const auto& [config, code] :
       {std::pair("{}", "install_required"), std::pair(R"({"anyone": true})", "")}) {
    Harness h;
    h.expose();
    Tools tools(h.host(), h.config(config));
    EXPECT_EQ(h.run(tools, request).failure.code, code);
  }
}

TEST_F(ToolsTest, TakesToolsFromNobodyButTheirExtension) {
  const std::string body = R"({"extensionId": ")" + kId + R"(", "schemas": []})";
  caller.tenant = kOtherId;
  EXPECT_EQ(post(body).failure.code, "not_your_tools");
  caller.tenant = "";
  EXPECT_EQ(post(body).failure.code, "not_authenticated");
  EXPECT_EQ(post(R"({"extensionId": "", "schemas": []})").failure.code, "not_authenticated");
  EXPECT_EQ(chat(), "{}");
  EXPECT_TRUE(h.store.empty());
}

TEST_F(ToolsTest, NamesTheRuleThatABodyBreaks) {
  const std::pair<const char*, const char*> cases[] = {
      {"null", "the body must be a JSON object"},
      {"[]", "the body must be a JSON object"},
      {R"({"tools": "x"})", "extensionId must be a string"},
  };
  for (const auto& [body, message] : cases) EXPECT_EQ(post(body).failure.message, message) << body;
  EXPECT_EQ(post("[[").status, 400);
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

TEST_F(ToolsTest, KeepsTheToolsOfTheLastSyncWhenItRejectsOne) {
  sync(R"([{"name": "click"}])");
  EXPECT_EQ(sync(R"([{"name": "fold"}, {}])").status, 400);
  EXPECT_EQ(chat(), R"({"tools":[{"name":"click"}]})");
}

TEST(Tools, HasTheLimitsOfTheOperator) {
  Harness h;
  Tools tools(h.host(), h.config(R"({"max_tools": 1, "max_tool_size": "16B"})"));
  const auto refusal = [&](const std::string& schemas) {
    testing::Request request("POST", "/api/tools/sync");
    request.headers = {{"Content-Type", "application/json"}};
    request.caller.tenant = "x";
    request.body = R"({"extensionId": "x", "schemas": )" + schemas + "}";
    return h.run(tools, request).failure.message;
  };
  EXPECT_EQ(refusal(R"([{"name": "a"}, {"name": "b"}])"),
            "schemas must be an array of at most 1 tools");
  EXPECT_EQ(refusal(R"([{"name": "123456"}])"), "schemas[0] must be at most 16 bytes of JSON");
  EXPECT_EQ(refusal(R"([{"name": "12345"}])"), "");
}

TEST_F(ToolsTest, KeepsToolsForAWeekAfterTheLastSync) {
  sync(R"([{"name": "click"}])");
  h.advance(100h);
  sync(R"([{"name": "click"}])");
  h.advance(167h);
  EXPECT_EQ(chat(), R"({"tools":[{"name":"click"}]})");
  h.advance(1h);
  EXPECT_EQ(chat(), "{}");
}

TEST_F(ToolsTest, ReportsThatAStoreThatIsDownKeepsNothing) {
  h.store_down = true;
  EXPECT_EQ(sync("[]").status, 503);
}

TEST(Tools, ReportsThatTheStoreTakesNoMore) {
  Harness h;
  // The store rejects this time with the same status as a value that is too large.
  Tools tools(h.host(), h.json(R"({"ttl": "0s", "max_tools": 128, "max_tool_size": "32KiB"})"));
  testing::Request request("POST", "/api/tools/sync");
  request.headers = {{"Content-Type", "application/json"}};
  request.caller.tenant = "x";
  request.body = R"({"extensionId": "x", "schemas": []})";
  EXPECT_EQ(h.run(tools, request).status, 413);
}

TEST_F(ToolsTest, LetsChatsContinueWithoutTheStoreAndWarnsOnceAMinute) {
  h.store_down = true;
  for (const auto wait : {0s, 59s, 1s}) {
    h.advance(wait);
    EXPECT_EQ(chat(), "{}");
  }
  EXPECT_EQ(h.logs,
            Events(2, "warn: chats continue without synced tools: the store is unavailable"));
}

TEST_F(ToolsTest, KeepsApartCallersWhoseNamesAreAlikeWhenJoined) {
  caller = {"a/b", "c", ""};
  EXPECT_EQ(sync(R"([{"name": "click"}])").status, 200);
  caller = {"a", "b/c", ""};
  EXPECT_EQ(chat(), "{}");
}

TEST_F(ToolsTest, LetsChatsContinueWhenTheStoreHoldsSomethingElse) {
  EXPECT_EQ(sync(R"([{"name": "click"}])").status, 200);
  h.store.begin()->second = "[{";
  EXPECT_EQ(chat(), "{}");
  EXPECT_EQ(h.logs, (Events{"warn: chats continue without synced tools: the stored value is not "
                            "JSON"}));
}

}  // namespace
}  // namespace gatehouse::plugins::tools
