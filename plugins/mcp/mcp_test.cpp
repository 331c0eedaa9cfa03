#include "mcp_fixture.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace testing;
using testing::Request;

constexpr View kChat =
    R"({"model": "m", "messages": [{"role": "user", "content": [{"type": "text",)"
    R"( "text": "Go"}]}], "tools": [{"name": "known"}]})";
const Events kAsksForOther = {"step-start", "tool-call:c1:other:{}", "step-finish:tool-calls"};

// ---- Without servers ---------------------------------------------------------------------------

/// A gateway whose model responds to its n-th call with the n-th of these.
struct Gateway {
  explicit Gateway(std::vector<NextFunction> model, View config = "{}")
      : mcp(h.host(), h.config(config)) {
    h.next = in_turn(std::move(model));
  }
  Harness h;
  Mcp mcp;
};

TEST(Mcp, PassesOnAResponseWithoutCalls) {
  const Events said = {"step-start", "reasoning:Hm", "text:Hi", "usage:{\"total_tokens\":3}",
                       "step-finish:stop"};
  Gateway g({events(said)});

  EXPECT_EQ(g.h.ask(g.mcp, kChat).events, said);
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(Mcp, LeavesCallsOfOfferedToolsToTheClient) {
  const Events said = {"step-start", "tool-input-start:c1:known", "tool-call:c1:known:{\"a\":1}",
                       "step-finish:tool-calls"};
  Gateway g({events(said)});

  EXPECT_EQ(g.h.ask(g.mcp, kChat).events, said);
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(Mcp, RejectsCallsOfOtherToolsAndCallsTheModelAgain) {
  Gateway g({events({"step-start", "text:One ", "text:moment", "tool-call:c1:other:{\"a\":1}",
                     "step-finish:tool-calls"}),
             answer("Sorry")});

  EXPECT_EQ(
      g.h.ask(g.mcp, kChat).events,
      (Events{"step-start", "text:One ", "text:moment",
              "tool-call-error:c1:other:the model called a tool that was not offered:{\"a\":1}",
              "tool-output-error:c1:the call was not run", "step-finish:tool-calls", "step-start",
              "text:Sorry", "step-finish:stop"}));
  const auto messages = g.h.json(g.h.chats.at(1))["messages"];
  EXPECT_EQ(
      messages.at(1).dump(),
      R"({"role":"assistant","content":[{"type":"text","text":"One moment"},{"type":"tool-call",)"
      R"("id":"c1","name":"other","input":{"a":1}}]})");
  EXPECT_EQ(messages.at(2)["role"].str(), "tool");
  EXPECT_EQ(messages.at(2)["content"].at(0).dump(),
            R"({"type":"tool-result","id":"c1","name":"other","error":true,"output":)"
            R"("There is no tool named other. Use only the tools that are offered."})");
}

TEST(Mcp, KeepsOnlyTheCallOfAModelWithoutTools) {
  Gateway g(
      {events({"step-start", "text:One moment", "tool-call:c1:other:{}", "step-finish:tool-calls"}),
       answer("Sorry")});

  EXPECT_EQ(g.h.ask(g.mcp, R"({"model": "m", "messages": []})").events,
            (Events{"step-start", "text:One moment",
                    "tool-call-error:c1:other:the model called a tool that was not offered:{}",
                    "tool-output-error:c1:the call was not run", "step-finish:tool-calls",
                    "step-start", "text:Sorry", "step-finish:stop"}));
  const auto messages = g.h.json(g.h.chats.at(1))["messages"];
  EXPECT_EQ(messages.at(0)["content"].dump(),
            R"([{"type":"tool-call","id":"c1","name":"other","input":{}}])");
  EXPECT_EQ(messages.at(1)["role"].str(), "tool");
}

TEST(Mcp, GivesTheModelTheReasonOfACallThatTheProviderCouldNotRead) {
  const Events broken = {"step-start", "tool-call-error:c1:known:no JSON:{}",
                         "step-finish:tool-calls"};
  Gateway g({events(broken), answer("Sorry")});

  EXPECT_EQ(g.h.ask(g.mcp, kChat).events,
            (Events{"step-start", "tool-call-error:c1:known:no JSON:{}",
                    "tool-output-error:c1:the call was not run", "step-finish:tool-calls",
                    "step-start", "text:Sorry", "step-finish:stop"}));
  const auto messages = g.h.json(g.h.chats.at(1))["messages"];
  EXPECT_EQ(messages.at(1)["content"].at(0).dump(),
            R"({"type":"tool-call","id":"c1","name":"known","input":{}})");
  EXPECT_EQ(messages.at(2)["content"].at(0).dump(),
            R"({"type":"tool-result","id":"c1","name":"known","error":true,"output":"no JSON"})");
}

TEST(Mcp, ForcesACallInTheFirstStepOnly) {
  constexpr View kForced =
      R"({"messages": [], "tools": [], "tool_choice": {"mode": "required", "names": ["other"]}})";
  Gateway g({events(kAsksForOther), answer("Done")});
  g.h.ask(g.mcp, kForced);
  EXPECT_EQ(g.h.json(g.h.chats.at(1))["tool_choice"].dump(), R"({"mode":"auto"})");
}

TEST(Mcp, MarksWhatAClientWithHiddenToolsMustNotSee) {
  constexpr View kHidden = R"({"messages": [], "tools": [], "hidden_tools": true})";
  Gateway g({events({"step-start", "tool-input-start:c1:other", "tool-call:c1:other:{}",
                     "step-finish:tool-calls"}),
             answer("Sorry")});
  EXPECT_EQ(
      g.h.ask(g.mcp, kHidden).events,
      (Events{"step-start", "tool-input-start+dynamic:c1:other",
              "tool-call-error+dynamic:c1:other:the model called a tool that was not offered:{}",
              "tool-output-error+dynamic:c1:the call was not run", "step-finish:tool-calls",
              "step-start", "text:Sorry", "step-finish:stop"}));
}

TEST(Mcp, CallsTheModelNoMoreWhenItsCallWasCut) {
  Gateway g({events({"step-start", "tool-call-error:c1:known:no JSON:{}", "step-finish:length"})});
  EXPECT_EQ(g.h.ask(g.mcp, kChat).events.back(), "step-finish:length");
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(Mcp, StopsWhenTheClientHasACallToRunToo) {
  Gateway g({events(
      {"step-start", "tool-call:c1:other:{}", "tool-call:c2:known:{}", "step-finish:tool-calls"})});

  const Events seen = g.h.ask(g.mcp, kChat).events;
  EXPECT_EQ(seen.back(), "step-finish:tool-calls");
  EXPECT_EQ(seen.at(2), "tool-output-error:c1:the call was not run");
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(Mcp, CallsTheModelAgainAfterRejectedCallsUnlessTheStepWasCut) {
  for (const char* reason : {"stop", "tool-calls", "content-filter", "error", "other"}) {
    Gateway g(
        {events({"step-start", "tool-call:c1:other:{}", "step-finish:" + std::string(reason)}),
         answer("Sorry")});

    EXPECT_EQ(g.h.ask(g.mcp, kChat).events.back(), "step-finish:stop");
    EXPECT_EQ(g.h.next_calls, 2);
  }
}

TEST(Mcp, EndsAtTheLimitOfSteps) {
  Gateway g({events(kAsksForOther)}, R"({"max_steps": 3})");

  EXPECT_EQ(g.h.ask(g.mcp, kChat).code, GH_OK);
  EXPECT_EQ(g.h.next_calls, 3);
}

TEST(Mcp, WithdrawsTheToolsAtTheLimitOfAllRequests) {
  constexpr View kLong =
      R"({"messages": [{"role": "assistant", "content": []}, {"role": "user", "content": []},
                       {"role": "assistant", "content": []}, {"role": "tool", "content": []}],
          "tools": [{"name": "known"}], "tool_choice": {"mode": "required"}})";
  Gateway g({events(kAsksForOther)}, R"({"max_total_steps": 3})");

  g.h.ask(g.mcp, kLong);
  ASSERT_EQ(g.h.next_calls, 3);  // two with tools after the one before, and the last
  EXPECT_EQ(g.h.json(g.h.chats.at(2))["tool_choice"].dump(), R"({"mode":"none"})");
  EXPECT_EQ(g.h.json(g.h.chats.at(1))["tools"].size(), 1u);
  EXPECT_EQ(g.h.json(g.h.chats.at(2))["tools"].size(), 0u);
}

TEST(Mcp, PassesOnAFailureOfALaterStep) {
  Gateway g({events(kAsksForOther), fails({502, "upstream_error", "No.", {}})});

  EXPECT_EQ(g.h.ask(g.mcp, kChat).failure.code, "upstream_error");
}

TEST(Mcp, ReturnsSignedPartsAsTheyCame) {
  Gateway g({events({"step-start", "reasoning:Hm @{\"google\":{\"thoughtSignature\":\"s\"}}",
                     "tool-call:c1:other:{} @{\"google\":{\"thoughtSignature\":\"t\"}}",
                     "step-finish:tool-calls"}),
             answer("Sorry")});

  g.h.ask(g.mcp, kChat);
  const auto content = g.h.json(g.h.chats.at(1))["messages"].at(1)["content"];
  EXPECT_EQ(content.at(0)["metadata"].dump(), R"({"google":{"thoughtSignature":"s"}})");
  EXPECT_EQ(content.at(1)["metadata"].dump(), R"({"google":{"thoughtSignature":"t"}})");
}

TEST(Mcp, KeepsAllThatTheProviderSaysOfTheEndOfAStep) {
  Gateway g({[](Exchange&, Sink& out) -> Status {
    (void)emit(out, {"step-start", "text:Hi"});
    const Document details = parse(R"({"stop_sequence": "END"})");
    const Document metadata = parse(R"({"p": {"n": 1}})");
    gh_event finish = event::step_finish("stop");
    finish.text = raw("end_turn");
    finish.json = details.root().raw();
    finish.metadata = metadata.root().raw();
    finish.reserved[0] = 7;
    return out.emit(finish);
  }});
  class Watch final : public Plugin, public Sink {
   public:
    explicit Watch(Mcp& mcp) : mcp_(mcp) {}
    Status handle(Exchange& x, Sink&, Next& next) override { return mcp_.handle(x, *this, next); }
    Status emit(Event e) override {
      last = std::string(e.text()) + e.json().dump() + e.metadata().dump() +
             std::to_string(e.raw().reserved[0]);
      return Status();
    }
    std::string last;

   private:
    Mcp& mcp_;
  } watch(g.mcp);

  g.h.ask(watch, kChat);
  EXPECT_EQ(watch.last, R"(end_turn{"stop_sequence":"END"}{"p":{"n":1}}7)");
}

TEST(Mcp, PassesOnEventsThatItDoesNotKnow) {
  const Events said = {"step-start", "custom+must:com.acme.map:{}", "text:Hi", "step-finish:stop",
                       R"(usage:{"total_tokens":3})"};
  Gateway g({events(said)});

  Events seen = g.h.ask(g.mcp, kChat).events;
  std::swap(seen.at(3), seen.at(4));  // counts may follow the end, and then come before it
  EXPECT_EQ(seen, said);
}

TEST(Mcp, LeavesToAPluginBelowWhatThatAnswersItself) {
  const Events said = {"step-start",
                       "tool-call+dynamic:c1:below:{}",
                       "tool-output+dynamic:c1:{}",
                       "step-finish:tool-calls",
                       "step-start",
                       "text:Hi",
                       "step-finish:stop"};
  Gateway g({events(said)});

  EXPECT_EQ(g.h.ask(g.mcp, kChat).events, said);
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(Mcp, InventsNoEndOfAStep) {
  Gateway g({events({"step-start", "text:Hi"})});

  EXPECT_EQ(g.h.ask(g.mcp, kChat).events, (Events{"step-start", "text:Hi"}));
}

TEST(Mcp, IgnoresCallsThatTheProviderRan) {
  const Events said = {"step-start", "tool-call+provider-executed:c1:code_execution:{}", "text:4",
                       "step-finish:stop"};
  Gateway g({events(said)});

  EXPECT_EQ(g.h.ask(g.mcp, kChat).events, said);
  EXPECT_EQ(g.h.next_calls, 1);
}

// ---- With a server -----------------------------------------------------------------------------

const std::string kRead =
    R"({"name":"web_read","description":"Reads.","input_schema":{"type":"object",)"
    R"("properties":{},"additionalProperties":false}})";

TEST_F(McpTest, OffersWhatTheClientAnnouncesAsTheServerDescribesIt) {
  connect();
  ask(R"({"messages": [], "tools": [{"name": "known"}], "backend_tools": ["web_read",)"
      R"( "web_none", "ghost_read", "web"]})",
      {"step-start", "step-finish:stop"});
  EXPECT_EQ(offered(), R"([{"name":"known"},)" + kRead + "]");
}

TEST_F(McpTest, ReplacesAToolOfTheClient) {
  connect();
  ask(R"({"messages": [], "tools": [{"name": "web_read", "description": "of the client"}],)"
      R"( "backend_tools": ["web_read"]})",
      {"step-start", "step-finish:stop"});
  EXPECT_EQ(offered(), "[" + kRead + "]");
}

TEST_F(McpTest, LeavesAToolToTheClientThatOnlyTheClientAnnounces) {
  connect();
  const Events said = {"step-start", "tool-call:c1:web_read:{}", "step-finish:tool-calls"};
  EXPECT_EQ(ask(R"({"messages": [], "tools": [{"name": "web_read"}]})", said), said);
}

TEST_F(McpTest, RunsACallAndContinuesWithItsResult) {
  connect();
  answer_rpc(R"({"content":[{"type":"text","text":"42"}]})");
  EXPECT_EQ(ask(R"({"messages": [], "backend_tools": ["web_read"]})",
                {"step-start", "tool-input-start:c1:web_read", "tool-input-delta:c1:{}",
                 "tool-call:c1:web_read:{\"a\":1}", "step-finish:tool-calls"}),
            (Events{"step-start", "tool-input-start+dynamic:c1:web_read", "tool-input-delta:c1:{}",
                    "tool-call+dynamic:c1:web_read:{\"a\":1}",
                    R"(tool-output+dynamic:c1:{"content":[{"type":"text","text":"42"}]})",
                    "step-finish:tool-calls", "step-start", "text:Done", "step-finish:stop"}));
  EXPECT_EQ(h.json(h.chats.at(1))["messages"].at(1)["content"].at(0).dump(),
            R"({"type":"tool-result","id":"c1","name":"web_read","content":[{"type":"text",)"
            R"("text":"42"}]})");
  EXPECT_EQ(offered(1), "[" + kRead + "]");
  EXPECT_EQ(h.metrics.at(R"(gatehouse_mcp_calls_total{server="web",result="ok"})"), 1);
}

TEST_F(McpTest, GivesTheReasonOfAFailureToTheModelOnly) {
  connect();
  h.upstream.push(reply(200, R"({"id":4,"error":{"code":-32603,"message":"disk on fire"}})"));
  ask(R"({"messages": [], "backend_tools": ["web_read"]})",
      {"step-start", "tool-call:c1:web_read:{}", "step-finish:stop"});
  const Json result = h.json(h.chats.at(1))["messages"].at(1)["content"].at(0);
  EXPECT_TRUE(result["error"].boolean());
  EXPECT_EQ(result["output"].str(), "The tool failed: disk on fire (-32603)");
  EXPECT_EQ(h.metrics.at(R"(gatehouse_mcp_calls_total{server="web",result="error"})"), 1);
}

TEST_F(McpTest, PassesOnAnErrorOfAToolAsAResult) {
  connect();
  answer_rpc(R"({"content":[],"isError":true})");
  const Events seen = ask(R"({"messages": [], "backend_tools": ["web_read"]})",
                          {"step-start", "tool-call:c1:web_read:{}", "step-finish:stop"});
  EXPECT_EQ(seen.at(2), R"(tool-output+dynamic:c1:{"content":[],"isError":true})");
  EXPECT_EQ(h.json(h.chats.at(1))["messages"].at(1)["content"].at(0).dump(),
            R"({"type":"tool-result","id":"c1","name":"web_read","error":true,"content":[]})");
  EXPECT_EQ(h.metrics.at(R"(gatehouse_mcp_calls_total{server="web",result="error"})"), 1);
}

TEST_F(McpTest, CutsALongResultForClientAndModel) {
  connect();
  answer_rpc(R"({"content":[{"type":"text","text":")" + std::string(5000, 'x') + "\"}]}");
  const Events seen = ask(R"({"messages": [], "backend_tools": ["web_read"]})",
                          {"step-start", "tool-call:c1:web_read:{}", "step-finish:stop"});
  EXPECT_LT(seen.at(2).size(), 1500u);
  EXPECT_LT(h.chats.at(1).size(), 2500u);
}

TEST_F(McpTest, GivesTheClientTheResultAsItCameAndTheModelItsImagesAsFiles) {
  connect();
  const std::string result =
      R"({"content":[{"type":"image","mimeType":"image/png","data":"iVBORw0K"}],"_meta":{"a":1}})";
  answer_rpc(result);
  EXPECT_EQ(ask(R"({"messages": [], "backend_tools": ["web_read"]})",
                {"step-start", "tool-call:c1:web_read:{}", "step-finish:stop"})
                .at(2),
            "tool-output+dynamic:c1:" + result);
  EXPECT_EQ(h.json(h.chats.at(1))["messages"].at(1)["content"].at(0).dump(),
            R"({"type":"tool-result","id":"c1","name":"web_read","content":[{"type":"file",)"
            R"("media_type":"image/png","data":"iVBORw0K"}]})");
}

TEST_F(McpTest, ReadsTheResultsOfTheHistoryInTheSameWay) {
  connect();
  ask(R"({"messages": [{"role": "tool", "content": [
          {"type": "tool-result", "id": "c", "name": "web_read", "output":
          {"content": [{"type": "image", "mimeType": "image/png", "data": "iVBORw0K"}]}}]}]})",
      {"step-start", "step-finish:stop"});
  EXPECT_NE(h.chats.at(0).find(R"({"type":"file","media_type":"image/png","data":"iVBORw0K"})"),
            std::string::npos);
}

struct McpStrictTest : McpTest {
  McpStrictTest() : McpTest(R"(, "location": "backend")", R"(, "anyone": false)") {}
};

TEST_F(McpStrictTest, OffersAndRunsNothingForAnUnauthenticatedCaller) {
  connect();
  const Events said = {"step-start", "tool-call:c1:web_read:{}", "step-finish:tool-calls"};
  const Events seen = ask(R"({"messages": [], "backend_tools": ["web_read"]})", said);
  EXPECT_EQ(seen.at(2), "tool-output-error:c1:the call was not run");
  EXPECT_EQ(offered(), "null");
}

TEST_F(McpStrictTest, ServesACallerWhoseUserOrKeyIsAuthenticated) {
  connect();
  h.next = answer("Done");
  Request request("POST", "/api/chat");
  request.chat = R"({"messages": []})";
  for (const auto& [caller, is_served] : std::vector<std::pair<CallerText, bool>>{
           {{"ext", "", ""}, false}, {{"ext", "laptop", ""}, true}, {{"", "", "key"}, true}}) {
    h.chats.clear();
    request.caller = caller;
    h.run(mcp, request);
    EXPECT_EQ(offered().find("web_read") != std::string::npos, is_served) << caller.user;
  }
}

TEST(Mcp, OffersNoToolsToUnauthenticatedCallersOfOtherMachines) {
  Harness h;
  h.expose();
  h.next = answer("Hi");
  const std::string server = R"("servers": [{"name": "web", "url": "http://web"}])";
  Mcp strict(h.host(), h.config("{" + server + "}")),
      open(h.host(), h.config("{" + server + R"(, "anyone": true})"));
  EXPECT_NE(h.ask(strict, kChat).notes.find("no tools offered"), std::string::npos);
  EXPECT_EQ(h.ask(open, kChat).notes, "{}");
}

TEST_F(McpTest, LimitsTheCallsOfAStep) {
  connect();
  Events model = {"step-start"};
  for (int i = 0; i < 34; ++i) {
    model.push_back("tool-call:c" + std::to_string(i) + ":web_read:{}");
    h.upstream.push(no_reply({502, "gone", "Gone.", {}}));
  }
  model.push_back("step-finish:stop");
  const Events seen = ask(R"({"messages": [], "backend_tools": ["web_read"]})", model);
  EXPECT_EQ(
      std::count(seen.begin(), seen.end(),
                 "tool-output-error+dynamic:c33:Too many calls at once: only 32 calls of a step "
                 "are run. Make the others in the next step."),
      1);
  EXPECT_EQ(h.next_calls, 2);
}

TEST_F(McpTest, RunsItsCallsAndLeavesTheOthersToTheClient) {
  connect();
  answer_rpc(R"({"content":[]})");
  EXPECT_EQ(ask(R"({"messages": [], "tools": [{"name": "known"}], "backend_tools": ["web_read"]})",
                {"step-start", "tool-call:c1:web_read:{}", "tool-call:c2:known:{}",
                 "step-finish:tool-calls"}),
            (Events{"step-start", "tool-call+dynamic:c1:web_read:{}", "tool-call:c2:known:{}",
                    R"(tool-output+dynamic:c1:{"content":[]})", "step-finish:tool-calls"}));
  EXPECT_EQ(h.next_calls, 1);
}

TEST_F(McpTest, RunsNothingBesideCallsOfAClientThatCannotReturnTheResults) {
  connect();
  const Events seen = ask(
      R"({"messages": [], "tools": [{"name": "own"}], "backend_tools": ["web_read"],
              "hidden_tools": true})",
      {"step-start", "tool-call:c1:web_read:{}", "tool-call:c2:own:{}", "step-finish:tool-calls"});
  EXPECT_EQ(seen, (Events{"step-start", "tool-call+dynamic:c1:web_read:{}", "tool-call:c2:own:{}",
                          "step-finish:tool-calls"}));
  EXPECT_EQ(h.next_calls, 1);
}

TEST_F(McpTest, RunsNothingOfAStepThatWasCutShortOrBroke) {
  connect();
  ask(R"({"messages": [], "backend_tools": ["web_read"]})",
      {"step-start", "tool-call:c1:web_read:{}", "step-finish:length"});
  h.next = [](Exchange&, Sink& out) -> Status {
    (void)emit(out, {"step-start", "tool-call:c1:web_read:{}"});
    return Fail{502, "upstream_broken", "It broke.", {}};
  };
  h.ask(mcp, R"({"messages": [], "backend_tools": ["web_read"]})");
  EXPECT_EQ(h.upstream.requests.size(), 5u);
}

TEST_F(McpTest, OffersNothingOfAServerThatIsDown) {
  h.upstream.push(reply(500, ""));  // to either way of asking
  h.upstream.push(reply(500, ""));
  h.run_background();
  ask(R"({"messages": [], "tools": [{"name": "web_write"}], "backend_tools": ["web_read",)"
      R"( "web_write"]})",
      {"step-start", "step-finish:stop"});
  EXPECT_EQ(offered(), R"([{"name":"web_write"}])");
  EXPECT_EQ(h.health, "degraded: server web: The tool server rejects the request: HTTP 500.");
}

TEST_F(McpTest, DelaysNoChatThatUsesNoneOfItsServers) {
  ask(kChat, {"step-start", "step-finish:stop"});  // the server is not connected
  EXPECT_EQ(offered(), R"([{"name":"known"}])");
}

TEST_F(McpTest, DescribesItsServersToTheOperator) {
  connect();
  const auto servers = h.json(h.admin(mcp, "GET", "/servers").body);
  EXPECT_EQ(servers.at(0)["name"].str(), "web");
  EXPECT_EQ(servers.at(0)["state"].str(), "up");
  EXPECT_EQ(servers.at(0)["protocol"].str(), "2025-11-25");
  EXPECT_EQ(servers.at(0)["tools"].at(1)["offered_as"].str(), "web_write");
  EXPECT_EQ(h.health, "up");
}

struct McpLargeTest : McpTest {
  McpLargeTest()
      : McpTest("", R"(, "max_result": "4MiB", "max_results": "4MiB", "max_calls": 1)") {}
};

TEST_F(McpLargeTest, LimitsAllResultsOfARequestTogether) {
  connect();
  std::vector<NextFunction> model;
  for (const char* id : {"c1", "c2"}) {
    answer_rpc(R"({"content":[{"type":"text","text":")" + std::string(15 << 18, 'x') + "\"}]}");
    model.push_back(events(
        {"step-start", "tool-call:" + std::string(id) + ":web_read:{}", "step-finish:stop"}));
  }
  model.push_back(answer("Done"));
  h.next = in_turn(model);
  const Events seen = h.ask(mcp, R"({"messages": [], "backend_tools": ["web_read"]})").events;
  EXPECT_GT(seen.at(2).size(), 15u << 18);
  EXPECT_LT(seen.at(6).size(), (1u << 18) + 200);  // what was left
  EXPECT_EQ(seen.back(), "step-finish:stop");
}

TEST_F(McpLargeTest, LimitsTheCallsOfAStepAsConfigured) {
  connect();
  answer_rpc(R"({"content":[]})");
  const Events seen = ask(
      R"({"messages": [], "backend_tools": ["web_read"]})",
      {"step-start", "tool-call:c1:web_read:{}", "tool-call:c2:web_read:{}", "step-finish:stop"});
  EXPECT_EQ(std::count(seen.begin(), seen.end(), R"(tool-output+dynamic:c1:{"content":[]})"), 1);
  EXPECT_NE(std::find_if(
                seen.begin(), seen.end(),
                [](const std::string& e) { return e.find("c2:Too many calls at once") != e.npos; }),
            seen.end());
}

struct McpForAllTest : McpTest {
  McpForAllTest() : McpTest(R"(, "location": "backend", "tools": {"deny": ["write"]})") {}
};

TEST_F(McpForAllTest, OffersItsToolsToAllChats) {
  connect();
  ask(kChat, {"step-start", "step-finish:stop"});
  EXPECT_EQ(offered(), R"([{"name":"known"},)" + kRead + "]");
}

TEST_F(McpForAllTest, LeavesTheToolsOfTheClientAsTheyAre) {
  connect();
  ask(R"({"messages": [], "tools": [{"name": "web_read"}]})", {"step-start", "step-finish:stop"});
  EXPECT_EQ(offered(), R"([{"name":"web_read"}])");
}

TEST_F(McpForAllTest, GivesAWorkflowOnlyWhatIsAnnounced) {
  connect();
  ask(R"({"messages": [], "workflow": "research"})", {"step-start", "step-finish:stop"});
  EXPECT_EQ(h.chats.at(0).find("web_read"), std::string::npos);
}

// ---- Configuration -----------------------------------------------------------------------------

TEST(McpConfiguration, NamesWhatIsWrong) {
  Harness h;
  Mcp mcp(h.host(),
          h.config(
              R"({"servers": [{"name": "a", "url": "http://a"}, {"name": "a", "url": "http://b"},
                         {"name": "b"}, {"name": "c", "url": "http://c", "command": ["c"]}]})"));
  EXPECT_EQ(h.problems,
            (std::vector<std::string>{"/servers/1/name: another server has the same name",
                                      "/servers/2: needs either a command or a url",
                                      "/servers/3: needs either a command or a url"}));
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
