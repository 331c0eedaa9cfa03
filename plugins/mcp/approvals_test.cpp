#include "approvals.h"

#include "mcp_fixture.h"

namespace gatehouse::plugins::mcp {
namespace {

constexpr View kKey = "0123456789abcdef0123456789abcdef";

/// A model that calls web_write, which needs an approval, and clients that decide.
struct ApprovalTest : McpTest {
  ApprovalTest() : ApprovalTest(R"(, "approval": ["wr*"])") {}
  explicit ApprovalTest(View server, View plugin = "") : McpTest(server, plugin) { connect(); }

  /// A call of web_write of the last response, with the decision of the user.
  static std::string call(const std::string& id, const std::string& approval,
                          const std::string& input = R"({"n":1})",
                          const std::string& name = "web_write") {
    return R"({"type": "tool-call", "id": ")" + id + R"(", "name": ")" + name + R"(", "input": )" +
           input + (approval.empty() ? "" : ", \"approval\": " + approval) + "}";
  }
  static std::string yes(const std::string& question) {
    return R"({"approved": true, "id": ")" + question + "\"}";
  }

  /// What follows on a response that ended with these calls.
  Events answer_with(const std::string& calls, const std::string& more = "", Mcp* on = nullptr) {
    h.next = testing::answer("Done");
    h.chats.clear();
    return ask_as_caller(R"({"accepts": ["tool-approval-request"], "backend_tools": ["web_read",)"
                         R"( "web_write"], "messages": [)"
                         R"({"role": "user", "content": []}, {"role": "assistant", "content": [)" +
                             calls + "]}" + more + "]}",
                         on)
        .events;
  }
  /// The id of the question that the gateway asks about a call of web_write.
  std::string question(const std::string& id = "c1", const std::string& input = R"({"n":1})",
                       Mcp* on = nullptr) {
    h.next =
        events({"step-start", "tool-call:" + id + ":web_write:" + input, "step-finish:tool-calls"});
    const Events seen = ask_as_caller(std::string(kAsking), on).events;
    const std::string& asked = seen.at(seen.size() - 2);
    const std::string begin = "tool-approval+dynamic:" + id + ":";
    EXPECT_EQ(asked.substr(0, begin.size()), begin);
    return asked.substr(begin.size());
  }
  /// What the model reads of the n-th result.
  std::string told(std::size_t index = 0) {
    const Json messages = h.json(h.chats.at(0))["messages"];
    return messages.at(messages.size() - 1)["content"].at(index).dump();
  }
  std::size_t calls_of_the_server() const {
    return h.upstream.requests.size() - 5;
  }  // without those that connect it
  const std::string& last_line() const { return h.logs.back(); }

  Answer ask_as_caller(const std::string& chat, Mcp* on) {
    Request request("POST", "/api/chat");
    request.chat = chat;
    request.caller = caller;
    return h.run(on ? *on : mcp, request);
  }

  static constexpr View kAsking =
      R"({"accepts": ["tool-approval-request"], "messages": [], "backend_tools": ["web_read",)"
      R"( "web_write"]})";
  CallerText caller{"ext", "", ""};
};

TEST_F(ApprovalTest, ChecksNoMoreDecisionsThanAStepMakesCalls) {
  std::string calls;
  for (int i = 0; i < 40; ++i)
    calls.append(i == 0 ? "" : ",")
        .append(call("c" + std::to_string(i), R"({"approved": false, "id": "q"})"));
  h.logs.clear();
  const Events seen = answer_with(calls);
  EXPECT_EQ(h.logs.size(), 32u);
  EXPECT_NE(seen.at(39).find("c39:Too many calls at once"), std::string::npos) << seen.at(39);
  EXPECT_NE(told(39).find("Too many calls at once"), std::string::npos);
}

TEST_F(ApprovalTest, OffersSuchToolsOnlyToClientsThatCanAsk) {
  ask(R"({"messages": [], "backend_tools": ["web_read", "web_write"]})",
      {"step-start", "step-finish:stop"});
  EXPECT_EQ(offered().find("web_write"), std::string::npos);
  EXPECT_NE(offered().find("web_read"), std::string::npos);
  ask(R"({"accepts": ["reset-step"], "messages": [], "backend_tools": ["web_write"]})",
      {"step-start", "step-finish:stop"});
  EXPECT_EQ(h.chats.at(1).find("web_write\",\"input"), std::string::npos);
  ask(kAsking, {"step-start", "step-finish:stop"});
  EXPECT_NE(offered(2).find("web_write"), std::string::npos);
}

TEST_F(ApprovalTest, AsksAndEndsTheResponse) {
  h.next = events({"step-start", "tool-call:c1:web_write:{\"n\":1}", "step-finish:tool-calls"});
  const Events seen = h.ask(mcp, kAsking).events;
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[1], "tool-call+dynamic:c1:web_write:{\"n\":1}");
  EXPECT_EQ(seen[2].rfind("tool-approval+dynamic:c1:", 0), 0u);
  EXPECT_EQ(seen[3], "step-finish:tool-calls");
  EXPECT_EQ(h.next_calls, 1);
  EXPECT_EQ(calls_of_the_server(), 0u);
}

TEST_F(ApprovalTest, RunsTheOtherCallsOfTheStepAtOnce) {
  answer_rpc(R"({"content":[]})");
  h.next = events({"step-start", "tool-call:c1:web_write:{}", "tool-call:c2:web_read:{}",
                   "step-finish:tool-calls"});
  const Events seen = h.ask(mcp, kAsking).events;
  EXPECT_EQ(seen.at(3).rfind("tool-approval+dynamic:c1:", 0), 0u);
  EXPECT_EQ(seen.at(4), R"(tool-output+dynamic:c2:{"content":[]})");
  EXPECT_EQ(h.next_calls, 1);
}

TEST_F(ApprovalTest, AsksNothingAboutAStepThatWasCutShort) {
  h.next = events({"step-start", "tool-call:c1:web_write:{}", "step-finish:length"});
  EXPECT_EQ(h.ask(mcp, kAsking).events.size(), 3u);
}

TEST_F(ApprovalTest, RunsAnApprovedCallBeforeTheNextStep) {
  const std::string asked = question();
  answer_rpc(R"({"content":[{"type":"text","text":"written"}]})");
  EXPECT_EQ(answer_with(call("c1", yes(asked))),
            (Events{R"(tool-output+dynamic:c1:{"content":[{"type":"text","text":"written"}]})",
                    "step-start", "text:Done", "step-finish:stop"}));
  EXPECT_EQ(told(),
            R"({"type":"tool-result","id":"c1","name":"web_write","content":[{"type":"text",)"
            R"("text":"written"}]})");
  EXPECT_EQ(calls_of_the_server(), 1u);
}

TEST_F(ApprovalTest, AddsItsResultToThoseThatAreThere) {
  const std::string asked = question();
  answer_rpc(R"({"content":[]})");
  answer_with(
      call("c0", "", "{}", "known") + "," + call("c1", yes(asked)),
      R"(,{"role": "tool", "content": [{"type": "tool-result", "id": "c0", "name": "known",)"
      R"( "output": 1}]})");
  EXPECT_EQ(h.json(h.chats.at(0))["messages"].size(), 3u);
  EXPECT_EQ(h.json(told(1))["id"].str(), "c1");
}

TEST_F(ApprovalTest, GivesTheDenialOfACallToTheModel) {
  EXPECT_EQ(
      answer_with(call("c1", R"({"approved": false, "id": "any", "reason": "not that one"})") +
                  "," + call("c2", R"({"approved": false, "id": "any"})")),
      (Events{"tool-denied+dynamic:c1", "tool-denied+dynamic:c2", "step-start", "text:Done",
              "step-finish:stop"}));
  EXPECT_EQ(told(), R"({"type":"tool-result","id":"c1","name":"web_write",)"
                    R"("error":true,"output":"not that one"})");
  EXPECT_EQ(told(1), R"({"type":"tool-result","id":"c2","name":"web_write","error":true,)"
                     R"("output":"The user has denied this call."})");
  EXPECT_EQ(calls_of_the_server(), 0u);
}

/// Nothing runs: the client and the model get an error, and the chat continues.
#define EXPECT_REFUSED(seen, code)                                                            \
  do {                                                                                        \
    const Events refused = seen;                                                              \
    ASSERT_EQ(refused.size(), 4u);                                                            \
    EXPECT_EQ(refused[0].rfind("tool-output-error+dynamic:", 0), 0u);                         \
    EXPECT_EQ(refused[2], "text:Done");                                                       \
    EXPECT_TRUE(h.json(told())["error"].boolean());                                           \
    EXPECT_NE(last_line().find("\"reason\":\"" code "\""), std::string::npos) << last_line(); \
  } while (false)

TEST_F(ApprovalTest, RunsOnlyWhatTheUserWasAskedAbout) {
  const std::string asked = question();
  EXPECT_REFUSED(answer_with(call("c1", yes(asked), R"({"n":2})")), "not_asked");
  EXPECT_REFUSED(answer_with(call("c1", yes(asked), R"({"n":1})", "web_read")), "not_asked");
  EXPECT_REFUSED(answer_with(call("c2", yes(asked))), "not_asked");
  for (const char* forged : {"", ".", "1.2.3", "99999999999.00.00"})
    EXPECT_REFUSED(answer_with(call("c1", yes(forged))), "not_asked");
  EXPECT_REFUSED(answer_with(call("c1", yes("9" + asked))), "not_asked");
  EXPECT_EQ(calls_of_the_server(), 0u);
}

TEST_F(ApprovalTest, RunsNoCallOfAToolThatNeedsNoneWithoutAnApproval) {
  EXPECT_REFUSED(answer_with(call("c1", yes("any"), "{}", "web_read")), "not_asked");
  EXPECT_EQ(calls_of_the_server(), 0u);
}

TEST_F(ApprovalTest, RecognisesArgumentsThatABrowserHasSerializedAgain) {
  const std::string asked =
      question("c1", R"({"b":1.0,"a":1e3,"10":-0.0,"big":12345678901234567890.0})");
  answer_rpc(R"({"content":[]})");
  answer_with(call("c1", yes(asked), R"({"10":0,"b":1,"a":1000,"big":12345678901234567000.0})"));
  EXPECT_EQ(calls_of_the_server(), 1u);
}

TEST_F(ApprovalTest, AcceptsNoApprovalOfAnotherCaller) {
  const std::string asked = question();
  caller.tenant = "other";
  EXPECT_REFUSED(answer_with(call("c1", yes(asked))), "not_asked");
  for (const CallerText& other :
       {CallerText{"ext", "laptop", ""}, CallerText{"ext", "", "key-2"}}) {
    caller = other;
    EXPECT_REFUSED(answer_with(call("c1", yes(asked))), "not_asked");
  }
}

TEST_F(ApprovalTest, AcceptsAnApprovalOnce) {
  const std::string asked = question();
  answer_rpc(R"({"content":[]})");
  answer_with(call("c1", yes(asked)));
  EXPECT_REFUSED(answer_with(call("c1", yes(asked))), "used");
  h.advance(std::chrono::minutes(59));
  EXPECT_REFUSED(answer_with(call("c1", yes(asked))), "used");
  EXPECT_EQ(calls_of_the_server(), 1u);
}

TEST_F(ApprovalTest, AcceptsNoApprovalAfterAnHour) {
  const std::string asked = question();
  h.advance(std::chrono::hours(1));
  EXPECT_REFUSED(answer_with(call("c1", yes(asked))), "expired");
}

TEST_F(ApprovalTest, RunsNothingWhileTheStoreIsDown) {
  const std::string asked = question();
  h.store_down = true;
  EXPECT_REFUSED(answer_with(call("c1", yes(asked))), "store_down");
  EXPECT_EQ(calls_of_the_server(), 0u);
}

TEST_F(ApprovalTest, RunsOnlyWhatThisRequestIsOffered) {
  const std::string asked = question();
  h.next = testing::answer("Done");
  h.chats.clear();
  EXPECT_REFUSED(
      ask_as_caller(
          R"({"accepts": ["tool-approval-request"], "backend_tools": ["web_read"], "messages": [)"
          R"({"role": "assistant", "content": [)" +
              call("c1", yes(asked)) + "]}]}",
          nullptr)
          .events,
      "not_offered");
}

TEST_F(ApprovalTest, LooksOnlyAtTheLastResponse) {
  const std::string asked = question();
  EXPECT_EQ(answer_with(call("c1", yes(asked)), R"(,{"role": "user", "content": []})"),
            (Events{"step-start", "text:Done", "step-finish:stop"}));
}

TEST_F(ApprovalTest, LogsQuestionsAndDecisions) {
  caller.user = "laptop";
  const std::string asked = question();
  const std::string who =
      R"("caller":"ext","user":"laptop","server":"web","tool":"write","arguments_sha256":")" +
      hex(Crypto(h.host()).sha256({R"({"n":1})"})) + "\"}";
  EXPECT_EQ(last_line(), R"(info: tool approval {"outcome":"asked",)" + who);
  answer_rpc(R"({"content":[]})");
  answer_with(call("c1", yes(asked)));
  EXPECT_EQ(last_line(), R"(info: tool approval {"outcome":"approved",)" + who);
  answer_with(call("c1", R"({"approved": false, "reason": "secret"})"));
  EXPECT_EQ(last_line(), R"(info: tool approval {"outcome":"denied",)" + who);
  answer_with(call("c1", yes("forged")));
  EXPECT_EQ(last_line(), R"(info: tool approval {"outcome":"refused","reason":"not_asked",)" + who);
  for (const char* outcome : {"asked", "approved", "denied", "refused"}) {
    EXPECT_EQ(
        h.metrics.at(R"(gatehouse_mcp_approvals_total{outcome=")" + std::string(outcome) + "\"}"),
        1);
  }
}

TEST_F(ApprovalTest, LogsNoNameThatTheClientMadeUp) {
  answer_with(call("c1", yes("any"), "{}", "my secret"));
  EXPECT_EQ(last_line().find("secret"), std::string::npos);
}

// ---- Keys --------------------------------------------------------------------------------------

/// Another instance with the same server, which is up.
struct Other {
  Other(McpTest& t, const std::string& plugin)
      : mcp(t.h.host(), t.h.config(McpTest::configuration(R"(, "approval": ["wr*"])", plugin))) {
    t.last_id = 0;
    t.connect(++t.instances);
  }
  Mcp mcp;
};
const std::string kWithKey = R"(, "approvals": {"key": ")" + std::string(kKey) + "\"}";

TEST_F(ApprovalTest, AcceptsNoApprovalForAGatewayWithAnotherKey) {
  const std::string asked = question();
  Other other(*this, "");
  EXPECT_REFUSED(answer_with(call("c1", yes(asked)), "", &other.mcp), "not_asked");
}

TEST_F(ApprovalTest, AcceptsApprovalsAfterAReload) {
  const std::string asked = question();
  Other other(*this, "");
  other.mcp.adopt(mcp);
  answer_rpc(R"({"content":[]})");
  EXPECT_EQ(answer_with(call("c1", yes(asked)), "", &other.mcp).at(0),
            R"(tool-output+dynamic:c1:{"content":[]})");
}

TEST_F(ApprovalTest, AcceptsApprovalsAfterAReloadWithOtherCode) {
  const std::string asked = question();
  Other other(*this, "");
  EXPECT_FALSE(other.mcp.restore(R"({"version": 2})"));
  EXPECT_TRUE(other.mcp.restore(mcp.save()));
  answer_rpc(R"({"content":[]})");
  EXPECT_EQ(answer_with(call("c1", yes(asked)), "", &other.mcp).at(0),
            R"(tool-output+dynamic:c1:{"content":[]})");
}

struct ApprovalKeyTest : ApprovalTest {
  ApprovalKeyTest() : ApprovalTest(R"(, "approval": ["wr*"])", kWithKey) {}
};

TEST_F(ApprovalKeyTest, AcceptsApprovalsForGatewaysWithTheSameKey) {
  const std::string asked = question();
  Other other(*this, kWithKey);
  answer_rpc(R"({"content":[]})");
  EXPECT_EQ(answer_with(call("c1", yes(asked)), "", &other.mcp).at(0),
            R"(tool-output+dynamic:c1:{"content":[]})");
  EXPECT_REFUSED(answer_with(call("c1", yes(asked))), "used");  // the store is one
}

TEST_F(ApprovalKeyTest, AcceptsApprovalsForThePreviousKey) {
  const std::string asked = question();
  Other other(*this,
              R"(, "approvals": {"key": "another key of at least 32 letters", "previous_key": ")" +
                  std::string(kKey) + "\"}");
  answer_rpc(R"({"content":[]})");
  EXPECT_EQ(answer_with(call("c1", yes(asked)), "", &other.mcp).at(0),
            R"(tool-output+dynamic:c1:{"content":[]})");
}

TEST_F(ApprovalKeyTest, ForgetsAKeyThatIsRemovedFromTheConfiguration) {
  const std::string asked = question();
  EXPECT_EQ(mcp.save().find(kKey), std::string::npos);
  Other other(*this, "");
  other.mcp.adopt(mcp);
  EXPECT_TRUE(other.mcp.restore(mcp.save()));
  EXPECT_REFUSED(answer_with(call("c1", yes(asked)), "", &other.mcp), "not_asked");
}

struct ApprovalTtlTest : ApprovalTest {
  ApprovalTtlTest()
      : ApprovalTest(R"(, "approval": ["write"])", R"(, "approvals": {"ttl": "10s"})") {}
};

TEST_F(ApprovalTtlTest, AcceptsApprovalsForTheConfiguredTime) {
  const std::string asked = question();
  h.advance(std::chrono::seconds(10));
  EXPECT_REFUSED(answer_with(call("c1", yes(asked))), "expired");
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
