#include "workflows.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::workflows {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;

/// A gateway with the file of the workflows and with a plugin `chat`.
struct Gateway : Harness {
  Gateway() {
    files["workflows.yaml"] = R"({"workflows": {
        "research": {"name": "Research", "description": "Compares", "systemPrompt": "Cite each source.", "allowedTools": ["search"],
                     "preferredModel": "gemini-3.8-flash", "temperature": 0, "maxTokens": 8192},
        "general": {"name": "\"General\"", "systemPrompt": "Be kind."}}})";
    host().route("POST", "/api/chat");
    next = testing::answer("");
  }
};

struct WorkflowsTest : ::testing::Test {
  Gateway h;
  Workflows workflows{h.host(), h.config(R"({"file": "workflows.yaml"})")};

  /// The chat document that `chat` finds; "" if there is none.
  std::string chat_after(View body) {
    h.chats.clear();
    h.post(workflows, "/api/chat", body);
    return h.chats.empty() ? "" : h.chats[0];
  }
};

TEST_F(WorkflowsTest, ListsWhatAMenuShowsAndNoPrompts) {
  const Answer answer = h.get(workflows, "/api/workflows");
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(
      answer.body,
      R"({"workflows":[{"id":"research","name":"Research","description":"Compares","preferredModel":"gemini-3.8-flash",)"
      R"("allowedTools":["search"]},{"id":"general","name":"\"General\""}]})");
}

TEST_F(WorkflowsTest, PutsTheChosenOneIntoTheChatDocument) {
  EXPECT_EQ(
      chat_after(R"({"workflowId": "research", "model": "other"})"),
      R"({"workflow":"research","system":["Cite each source."],"model":"gemini-3.8-flash","temperature":0,"max_output_tokens":8192,)"
      R"("allowed_tools":["search"]})");
}

TEST(Workflows, SayHowTheModelIsAsked) {
  Gateway h;
  h.files["workflows.yaml"] =
      R"({"workflows": {"all": {"name": "All", "systemPrompt": "P", "temperature": 1, "maxTokens": 2, "thinking": 0,
      "topP": 0.5, "topK": 3, "seed": 4, "stop": ["END"], "toolChoice": {"name": "search"}, "providerTools": ["google_search"],
      "responseFormat": {"schema": {"type": "object"}}, "modalities": ["text"]}}})";
  Workflows workflows(h.host(), h.config(R"({"file": "workflows.yaml"})"));
  h.post(workflows, "/api/chat", R"({"workflowId": "all"})");
  EXPECT_EQ(
      h.chats.at(0),
      R"({"workflow":"all","system":["P"],"temperature":1,"max_output_tokens":2,"thinking":0,"top_p":0.5,"top_k":3,"seed":4,)"
      R"("stop":["END"],"tool_choice":{"name":"search"},"provider_tools":["google_search"],)"
      R"("response_format":{"schema":{"type":"object"}},"modalities":["text"]})");
}

TEST_F(WorkflowsTest, LeavesOpenWhatItDoesNotSay) {
  EXPECT_EQ(chat_after(R"({"workflowId": "general"})"),
            R"({"workflow":"general","system":["Be kind."]})");
}

TEST_F(WorkflowsTest, LeavesAChatWithoutWorkflowToOthers) {
  for (const char* body : {R"({"messages": []})", R"({"workflowId": null})",
                           R"({"workflowId": ""})", R"({"workflowId": ["general"]})", "[]"}) {
    EXPECT_EQ(chat_after(body), "") << body;
  }
  EXPECT_EQ(h.next_calls, 5);
  EXPECT_EQ(h.logs, Events());
}

TEST_F(WorkflowsTest, LogsTheBeginningOfAnIdItDoesNotKnow) {
  EXPECT_EQ(chat_after(R"({"workflowId": "__proto__"})"), "");
  EXPECT_EQ(chat_after(R"({"workflowId": ")" + std::string(65, 'x') + R"("})"), "");
  EXPECT_EQ(h.next_calls, 2);
  EXPECT_EQ(h.logs,
            (Events{R"(warn: no such workflow; the chat goes on without {"workflow":"__proto__"})",
                    R"(warn: no such workflow; the chat goes on without {"workflow":")" +
                        std::string(64, 'x') + R"("})"}));
}

TEST_F(WorkflowsTest, RefusesAChatThatIsNoJson) {
  EXPECT_EQ(h.post(workflows, "/api/chat", "{").status, 400);
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(WorkflowsTest, TouchesNothingButChats) {
  for (const auto& [method, path] :
       {std::pair("POST", "/api/tools/sync"), std::pair("PUT", "/api/chat")}) {
    h.host().route(method, path);
    testing::Request request(method, path);
    request.headers = {{"Content-Type", "application/json"}};
    request.body = R"({"workflowId": "general"})";
    h.run(workflows, request);
  }
  EXPECT_EQ(h.next_calls, 2);
  EXPECT_TRUE(h.chats.empty());
}

TEST(Workflows, TouchesNoChatThatNobodyAnswers) {
  Gateway h;
  h.routes.clear();
  Workflows workflows(h.host(), h.config(R"({"file": "workflows.yaml"})"));
  h.post(workflows, "/api/chat", R"({"workflowId": "general"})");
  EXPECT_TRUE(h.chats.empty());
}

TEST_F(WorkflowsTest, UsesAChangedFileWithinASecond) {
  h.files["workflows.yaml"] =
      R"({"workflows": {"general": {"name": "General", "systemPrompt": "Be brief."}}})";
  h.run_background(0, 2);
  EXPECT_EQ(h.sleeps.at(0), 1s);
  EXPECT_EQ(chat_after(R"({"workflowId": "general"})"),
            R"({"workflow":"general","system":["Be brief."]})");
  EXPECT_EQ(h.logs, (Events{"info: the workflows have changed"}));
}

TEST_F(WorkflowsTest, UsesAFileThatHasChangedSinceItWasBroken) {
  h.files["workflows.yaml"] = "{";
  h.run_background(0, 2);
  h.files["workflows.yaml"] =
      R"({"workflows": {"other": {"name": "Other", "systemPrompt": "Be brief."}}})";
  h.run_background(0, 1);
  EXPECT_EQ(chat_after(R"({"workflowId": "other"})"),
            R"({"workflow":"other","system":["Be brief."]})");
}

TEST_F(WorkflowsTest, KeepsWhatItHadWhileTheFileIsBrokenAndTellsOnce) {
  h.files.clear();
  h.run_background(0, 3);
  EXPECT_EQ(chat_after(R"({"workflowId": "general"})"),
            R"({"workflow":"general","system":["Be kind."]})");
  EXPECT_EQ(h.logs,
            (Events{"error: the workflows stay as they were: workflows.yaml: no such file"}));
}

TEST_F(WorkflowsTest, SaysNothingAboutAFileThatStaysTheSame) {
  h.run_background(0, 3);
  EXPECT_EQ(h.logs, Events());
}

TEST(Workflows, TellsTheOperatorWhatIsWrongWithTheFile) {
  Harness h;
  Workflows workflows(h.host(), h.config(R"({"file": "none.yaml"})"));
  EXPECT_EQ(h.problems, (Events{"/file: none.yaml: no such file"}));
}

}  // namespace
}  // namespace gatehouse::plugins::workflows
