#include "workflows.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::workflows {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;

/// A gateway with the file of the workflows.
struct Gateway : Harness {
  Gateway() {
    files["workflows.yaml"] = R"({"workflows": {
        "research": {"name": "Research", "description": "Compares",
        "systemPrompt": "Cite each source.", "allowedTools": ["search"],
                     "preferredModel": "gemini-3.8-flash", "temperature": 0, "maxTokens": 8192},
        "general": {"name": "\"General\"", "systemPrompt": "Be kind."}}})";
    next = testing::answer("");
  }
};

struct WorkflowsTest : ::testing::Test {
  Gateway h;
  Workflows workflows{h.host(), h.config(R"({"file": "workflows.yaml"})")};

  /// The chat document that the plugins below get.
  std::string chat(View document) {
    h.chats.clear();
    h.ask(workflows, document);
    return h.chats.at(0);
  }
};

TEST_F(WorkflowsTest, ListsWhatAMenuShowsAndNoPrompts) {
  const Answer answer = h.get(workflows, "/api/workflows");
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.body,
            R"({"workflows":[{"id":"research","name":"Research","description":"Compares",)"
            R"("preferredModel":"gemini-3.8-flash",)"
            R"("allowedTools":["search"]},{"id":"general","name":"\"General\""}]})");
}

TEST_F(WorkflowsTest, WritesTheChosenOneIntoTheChatDocument) {
  EXPECT_EQ(chat(R"({"workflow": "research", "model": "other", "temperature": 1})"),
            R"({"workflow":"research","model":"gemini-3.8-flash","temperature":0,)"
            R"("system":[{"type":"text","text":"Cite each source."}],"max_output_tokens":8192})");
}

TEST_F(WorkflowsTest, ReplacesTheDefaultPromptAndKeepsWhatTheClientSaid) {
  EXPECT_EQ(chat(R"({"workflow": "general", "system": [
                     {"type": "text", "text": "Be polite.", "default": true},
                     {"type": "text", "text": "A page"}]})"),
            R"({"workflow":"general","system":[{"type":"text","text":"Be kind."},)"
            R"({"type":"text","text":"A page"}]})");
}

TEST_F(WorkflowsTest, OffersOnlyTheToolsThatItAllows) {
  const auto offered = [&](const std::string& id) {
    const Document after = testing::parse(chat(R"({"workflow": ")" + id + R"(",
        "tools": [{"name": "delete"}, {"name": "search"}, {"name": "click"}],
        "backend_tools": ["kit_echo", "search"]})"));
    return after.root()["tools"].dump() + after.root()["backend_tools"].dump();
  };
  EXPECT_EQ(offered("research"), R"([{"name":"search"}]["search"])");
  EXPECT_EQ(offered("general"),
            R"([{"name":"delete"},{"name":"search"},{"name":"click"}]["kit_echo","search"])");
}

TEST(Workflows, SetHowTheModelIsCalled) {
  Gateway h;
  h.files["workflows.yaml"] = R"({"workflows": {"all": {"name": "All", "systemPrompt": "P",
      "temperature": 1, "maxTokens": 2, "thinking": 0, "topP": 0.5, "topK": 3, "seed": 4,
      "stop": ["END"], "toolChoice": {"name": "search"}, "providerTools": ["google_search"],
      "responseFormat": {"schema": {"type": "object"}}, "modalities": ["text"]}}})";
  Workflows workflows(h.host(), h.config(R"({"file": "workflows.yaml"})"));
  h.ask(workflows, R"({"workflow": "all",
                       "reasoning": {"visible": true, "budget_tokens": 100}})");
  EXPECT_EQ(h.chats.at(0),
            R"({"workflow":"all","reasoning":{"visible":true,"effort":"none"},)"
            R"("system":[{"type":"text","text":"P"}],"max_output_tokens":2,"temperature":1,)"
            R"("top_p":0.5,"top_k":3,"seed":4,"stop":["END"],)"
            R"("tool_choice":{"mode":"required","names":["search"]},)"
            R"("provider_tools":[{"name":"google_search"}],)"
            R"("response_format":{"type":"json","schema":{"type":"object"}},)"
            R"("modalities":["text"],"must":["response_format","tool_choice"]})");
}

TEST_F(WorkflowsTest, LeavesAChatWithoutWorkflowAsItIs) {
  EXPECT_EQ(chat(R"({"model": "m"})"), R"({"model":"m"})");
  EXPECT_EQ(h.logs, Events());
}

TEST_F(WorkflowsTest, NotesTheWorkflowForTheAccessLog) {
  EXPECT_EQ(h.ask(workflows, R"({"workflow": "general"})").notes, R"({"workflow":"general"})");
  EXPECT_EQ(h.ask(workflows, R"({"workflow": "nothing"})").notes, "{}");
}

TEST_F(WorkflowsTest, LogsTheBeginningOfAnUnknownId) {
  const std::string longest(65, 'x');
  for (const std::string& id : {std::string("__proto__"), longest})
    EXPECT_EQ(chat(R"({"workflow": ")" + id + R"("})"), R"({"workflow":")" + id + R"("})");
  EXPECT_EQ(h.logs, (Events{R"(warn: unknown workflow; the chat continues without it )"
                            R"({"workflow":"__proto__"})",
                            R"(warn: unknown workflow; the chat continues without it )"
                            R"({"workflow":")" +
                                longest.substr(1) + R"("})"}));
}

TEST_F(WorkflowsTest, UsesAChangedFileWithinASecond) {
  h.files["workflows.yaml"] =
      R"({"workflows": {"general": {"name": "General", "systemPrompt": "Be brief."}}})";
  h.run_background(0, 2);
  EXPECT_EQ(h.sleeps.at(0), 1s);
  EXPECT_EQ(chat(R"({"workflow": "general"})"),
            R"({"workflow":"general","system":[{"type":"text","text":"Be brief."}]})");
  EXPECT_EQ(h.logs, (Events{"info: workflows reloaded"}));
}

TEST_F(WorkflowsTest, UsesAFileThatIsValidAgain) {
  h.files["workflows.yaml"] = "{";
  h.run_background(0, 2);
  h.files["workflows.yaml"] =
      R"({"workflows": {"other": {"name": "Other", "systemPrompt": "Be brief."}}})";
  h.run_background(0, 1);
  EXPECT_EQ(chat(R"({"workflow": "other"})"),
            R"({"workflow":"other","system":[{"type":"text","text":"Be brief."}]})");
}

TEST_F(WorkflowsTest, KeepsTheDefinitionsWhileTheFileIsInvalidAndLogsOnce) {
  h.files.clear();
  h.run_background(0, 3);
  EXPECT_EQ(chat(R"({"workflow": "general"})"),
            R"({"workflow":"general","system":[{"type":"text","text":"Be kind."}]})");
  EXPECT_EQ(h.logs, (Events{"error: workflows not reloaded, the previous ones stay in use: "
                            "workflows.yaml: no such file"}));
}

TEST_F(WorkflowsTest, LogsNothingWhileTheFileStaysTheSame) {
  h.run_background(0, 3);
  EXPECT_EQ(h.logs, Events());
}

TEST(Workflows, ReportsWhatIsWrongWithTheFile) {
  Harness h;
  Workflows workflows(h.host(), h.config(R"({"file": "none.yaml"})"));
  EXPECT_EQ(h.problems, (Events{"/file: none.yaml: no such file"}));
}

}  // namespace
}  // namespace gatehouse::plugins::workflows
