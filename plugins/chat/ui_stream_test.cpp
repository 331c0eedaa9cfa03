#include "ui_stream.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::chat {
namespace {

using testing::Events;
using testing::Harness;

constexpr UiStream::Options kAll = {
    .send_reasoning = true, .send_sources = true, .send_model_version = true};

/// Renders a response as the chat plugin does.
struct Streamer final : Plugin {
  Streamer(Host h, UiStream::Options o) : host(h), options(o) {}
  Status handle(Exchange& x, Sink& out, Next& next) override {
    UiStream stream(host, x, out, options);
    ModelResponse response(stream, host, x, host.now());
    Status status = next(x, response);
    return status ? stream.finish(response) : std::move(status);
  }
  Host host;
  UiStream::Options options;
};

/// The chunks that a client gets for these events, after `start`.
Events chunks(Harness& h, const Events& events, UiStream::Options options = kAll) {
  h.next = testing::events(events);
  Streamer streamer(h.host(), options);
  const std::string body = h.get(streamer, "/").body;
  Events out;
  for (std::size_t at = 0, end; (end = body.find("\n\n", at)) != std::string::npos; at = end + 2) {
    EXPECT_EQ(body.substr(at, 6), "data: ");
    out.push_back(body.substr(at + 6, end - at - 6));
  }
  EXPECT_EQ(out.front().find(R"({"type":"start",)"), 0u);
  out.erase(out.begin());
  return out;
}

/// The chunks inside the only step of an answer.
Events step(Events events, UiStream::Options options = kAll) {
  Harness h;
  events.insert(events.begin(), "step-start");
  events.push_back("step-finish:stop");
  Events out = chunks(h, events, options);
  const Events last(out.end() - 3, out.end());
  EXPECT_EQ(out.front(), R"({"type":"start-step"})");
  EXPECT_EQ(last,
            (Events{R"({"type":"finish-step"})",
                    R"({"type":"finish","finishReason":"stop","messageMetadata":{}})", "[DONE]"}));
  return {out.begin() + 1, out.end() - 3};
}

TEST(UiStream, OpensATextBlockAndClosesItWithTheStep) {
  EXPECT_EQ(step({"text:Hel", "text:lo \"you\"\n"}),
            (Events{R"({"type":"text-start","id":"0"})",
                    R"({"type":"text-delta","id":"0","delta":"Hel"})",
                    R"({"type":"text-delta","id":"0","delta":"lo \"you\"\n"})",
                    R"({"type":"text-end","id":"0"})"}));
}

TEST(UiStream, HasOneBlockOpenAtATime) {
  EXPECT_EQ(
      step({"reasoning:t", "text:a", "text#2:b"}),
      (Events{R"({"type":"reasoning-start","id":"0"})",
              R"({"type":"reasoning-delta","id":"0","delta":"t"})",
              R"({"type":"reasoning-end","id":"0"})", R"({"type":"text-start","id":"1"})",
              R"({"type":"text-delta","id":"1","delta":"a"})", R"({"type":"text-end","id":"1"})",
              R"({"type":"text-start","id":"2"})", R"({"type":"text-delta","id":"2","delta":"b"})",
              R"({"type":"text-end","id":"2"})"}));
}

TEST(UiStream, PutsASignatureOnTheChunkItCameWithAndOnTheBlockItOpens) {
  EXPECT_EQ(step({R"(text:a @{"google":{"thoughtSignature":"s1"}})",
                  R"(text: @{"google":{"thoughtSignature":"s2"}})"}),
            (Events{R"({"type":"text-start","id":"0",)"
                    R"("providerMetadata":{"google":{"thoughtSignature":"s1"}}})",
                    R"({"type":"text-delta","id":"0","delta":"a",)"
                    R"("providerMetadata":{"google":{"thoughtSignature":"s1"}}})",
                    R"({"type":"text-delta","id":"0","delta":"",)"
                    R"("providerMetadata":{"google":{"thoughtSignature":"s2"}}})",
                    R"({"type":"text-end","id":"0"})"}));
}

TEST(UiStream, GivesASignatureThatCameAloneAnEmptyBlockOfItsOwn) {
  EXPECT_EQ(
      step({R"(reasoning: @{"google":{"thoughtSignature":"s1"}})", "text:a",
            "tool-call:c1:click:{}", R"(text#2: @{"google":{"thoughtSignature":"s2"}})",
            "text#2:b"}),
      (Events{R"({"type":"reasoning-start","id":"0",)"
              R"("providerMetadata":{"google":{"thoughtSignature":"s1"}}})",
              R"({"type":"reasoning-end","id":"0"})", R"({"type":"text-start","id":"1"})",
              R"({"type":"text-delta","id":"1","delta":"a"})",
              R"({"type":"tool-input-available","toolCallId":"c1","toolName":"click","input":{}})",
              R"({"type":"text-end","id":"1"})",
              R"({"type":"text-start","id":"2",)"
              R"("providerMetadata":{"google":{"thoughtSignature":"s2"}}})",
              R"({"type":"text-end","id":"2"})", R"({"type":"text-start","id":"3"})",
              R"({"type":"text-delta","id":"3","delta":"b"})", R"({"type":"text-end","id":"3"})"}));
}

TEST(UiStream, OpensNoBlockForNothing) {
  EXPECT_EQ(step({"text:", "reasoning:", "text: @{}"}), Events());
}

TEST(UiStream, PutsSignaturesOnFilesAndOnCallsThatFail) {
  EXPECT_EQ(
      step({R"(file:image/png:AAAA @{"google":{"thoughtSignature":"s1"}})",
            R"(tool-call-error+dynamic:c1:read:no such tool:{} @{"google":{"thoughtSignature":)"
            R"("s2"}})"}),
      (Events{R"({"type":"file","url":"data:image/png;base64,AAAA","mediaType":"image/png",)"
              R"("providerMetadata":{"google":{"thoughtSignature":"s1"}}})",
              R"({"type":"tool-input-error","toolCallId":"c1","toolName":"read","dynamic":true,)"
              R"("input":{},)"
              R"("providerMetadata":{"google":{"thoughtSignature":"s2"}},)"
              R"("errorText":"An error occurred during the conversation"})"}));
}

TEST(UiStream, LeavesTheTextBlockOpenAcrossCallsSourcesAndFiles) {
  EXPECT_EQ(
      step({"text:a", "tool-input-start:c1:click", R"(tool-input-delta:c1:{"at":1})",
            R"(tool-call:c1:click:{"at":1} @{"google":{"thoughtSignature":"s"}})",
            "source:s1:Title:https://s.example/", "source:s2::https://t.example/",
            "file:image/png:AAAA", "text:b"}),
      (Events{
          R"({"type":"text-start","id":"0"})", R"({"type":"text-delta","id":"0","delta":"a"})",
          R"({"type":"tool-input-start","toolCallId":"c1","toolName":"click"})",
          R"({"type":"tool-input-delta","toolCallId":"c1","inputTextDelta":"{\"at\":1}"})",
          R"({"type":"tool-input-available","toolCallId":"c1","toolName":"click","input":{"at":1},)"
          R"("providerMetadata":{"google":{"thoughtSignature":"s"}}})",
          R"({"type":"source-url","sourceId":"s1","url":"https://s.example/","title":"Title"})",
          R"({"type":"source-url","sourceId":"s2","url":"https://t.example/"})",
          R"({"type":"file","url":"data:image/png;base64,AAAA","mediaType":"image/png"})",
          R"({"type":"text-delta","id":"0","delta":"b"})", R"({"type":"text-end","id":"0"})"}));
}

TEST(UiStream, ClosesABlockWithAnIdBeforeACall) {
  EXPECT_EQ(
      step({"text#0:a", "tool-input-start:c1:click", "tool-call:c1:click:{}"}),
      (Events{R"({"type":"text-start","id":"0"})", R"({"type":"text-delta","id":"0","delta":"a"})",
              R"({"type":"text-end","id":"0"})",
              R"({"type":"tool-input-start","toolCallId":"c1","toolName":"click"})",
              R"({"type":"tool-input-available","toolCallId":"c1","toolName":"click",)"
              R"("input":{}})"}));
}

TEST(UiStream, ClosesTheTextBlockBeforeTheOutputOfAToolOfTheGateway) {
  EXPECT_EQ(step({"text:a", "tool-call+dynamic:c1:t:{}", "tool-output+dynamic:c1:1"}).at(3),
            R"({"type":"text-end","id":"0"})");
}

TEST(UiStream, MarksToolsThatTheClientDoesNotRun) {
  EXPECT_EQ(
      step({"tool-input-start+dynamic:c1:kit_echo", "tool-call+dynamic:c1:kit_echo:{}",
            "tool-output+dynamic+preliminary:c1:1", "tool-output+dynamic:c1:[2]",
            "tool-call+provider-executed:c2:code_execution:{}",
            R"(tool-output+provider-executed:c2:"42")"}),
      (Events{
          R"({"type":"tool-input-start","toolCallId":"c1","toolName":"kit_echo","dynamic":true})",
          R"({"type":"tool-input-available","toolCallId":"c1","toolName":"kit_echo",)"
          R"("dynamic":true,"input":{}})",
          R"({"type":"tool-output-available","toolCallId":"c1","dynamic":true,"output":1,)"
          R"("preliminary":true})",
          R"({"type":"tool-output-available","toolCallId":"c1","dynamic":true,"output":[2]})",
          R"({"type":"tool-input-available","toolCallId":"c2","toolName":"code_execution",)"
          R"("providerExecuted":true,"input":{}})",
          R"({"type":"tool-output-available","toolCallId":"c2","providerExecuted":true,)"
          R"("output":"42"})"}));
}

TEST(UiStream, WritesApprovalsAndDenialsInTheWordsThatAllVersionsKnow) {
  EXPECT_EQ(
      step({"tool-call+dynamic:c1:kit_remove:{}", "tool-approval+dynamic:c1:question-1",
            "tool-call+dynamic:c2:kit_remove:{}", "tool-denied+dynamic:c2"}),
      (Events{R"({"type":"tool-input-available","toolCallId":"c1","toolName":"kit_remove",)"
              R"("dynamic":true,"input":{}})",
              R"({"type":"tool-approval-request","approvalId":"question-1","toolCallId":"c1"})",
              R"({"type":"tool-input-available","toolCallId":"c2","toolName":"kit_remove",)"
              R"("dynamic":true,"input":{}})",
              R"({"type":"tool-output-denied","toolCallId":"c2"})"}));
}

TEST(UiStream, PassesDataOfPluginsOn) {
  EXPECT_EQ(step({R"(data:search-suggestions:{"html":"<b>"})"}),
            (Events{R"({"type":"data-search-suggestions","data":{"html":"<b>"}})"}));
}

TEST(UiStream, NamesTheModelThatRespondedLast) {
  Harness h;
  const Events seen =
      chunks(h, {"step-start", R"(response:{"model":"first","id":"r1"})",
                 R"(usage:{"input_tokens":3})", "step-finish:tool-calls", "step-start",
                 R"(response:{"model":"second"})", "step-finish:stop"});
  EXPECT_EQ(seen.at(seen.size() - 2),
            R"({"type":"finish","finishReason":"stop","messageMetadata":{"inputTokens":3,)"
            R"("modelVersion":"second"}})");
}

TEST(UiStream, KeepsKeysFromTheClientForWhichItWouldDropTheResponse) {
  for (const char* hostile :
       {R"({"__proto__":{}})", R"({"a":[{"b":{"__proto__":1}}]})",
        R"({"a":{"constructor":{"prototype":null}}})", R"({"constructor":null})"}) {
    const std::string json = hostile,
                      metadata = std::string(" @{\"google\":").append(hostile).append("}");
    EXPECT_EQ(
        step({"tool-call:c1:click:" + json, "tool-output+dynamic:c1:" + json,
              "tool-call-error:c3:click:why:" + json, "data:x:" + json, "text:a" + metadata,
              "file:image/png:AAAA" + metadata}),
        (Events{R"({"type":"tool-input-error","toolCallId":"c1","toolName":"click","input":{},)"
                R"("errorText":"An error occurred during the conversation"})",
                R"({"type":"tool-output-error","toolCallId":"c1","dynamic":true,)"
                R"("errorText":"An error occurred during the conversation"})",
                R"({"type":"tool-input-error","toolCallId":"c3","toolName":"click","input":{},)"
                R"("errorText":"An error occurred during the conversation"})",
                R"({"type":"text-start","id":"0"})",
                R"({"type":"text-delta","id":"0","delta":"a"})",
                R"({"type":"file","url":"data:image/png;base64,AAAA","mediaType":"image/png"})",
                R"({"type":"text-end","id":"0"})"}))
        << hostile;
  }
}

TEST(UiStream, LetsHarmlessNamesPass) {
  const std::string json = R"({"constructor":"Ferrari","prototype":{"proto":"__proto__"},)"
                           R"("a":{"constructor":{"wins":16}}})";
  EXPECT_EQ(
      step({"tool-call:c1:click:{}", "tool-output:c1:" + json}),
      (Events{R"({"type":"tool-input-available","toolCallId":"c1","toolName":"click","input":{}})",
              R"({"type":"tool-output-available","toolCallId":"c1","output":)" + json + "}"}));
}

TEST(UiStream, HidesTheReasonOfAnErrorFromTheClientAndLogsIt) {
  Harness h;
  EXPECT_EQ(chunks(h, {"step-start", R"(tool-call-error:c1:teleport:no such tool:{"to":"mars"})",
                       "tool-output-error+dynamic:c1:10.0.0.7 refused"}),
            (Events{R"({"type":"start-step"})",
                    R"({"type":"tool-input-error","toolCallId":"c1","toolName":"teleport",)"
                    R"("input":{"to":"mars"},)"
                    R"("errorText":"An error occurred during the conversation"})",
                    R"({"type":"tool-output-error","toolCallId":"c1","dynamic":true,)"
                    R"("errorText":"An error occurred during the conversation"})",
                    R"({"type":"finish","finishReason":"other","messageMetadata":{}})", "[DONE]"}));
  EXPECT_EQ(
      h.logs,
      (Events{R"(debug: a tool call failed {"tool_call_id":"c1","reason":"no such tool"})",
              R"(debug: a tool call failed {"tool_call_id":"c1","reason":"10.0.0.7 refused"})"}));
}

TEST(UiStream, HidesReasoningButKeepsTheBlocksAroundIt) {
  EXPECT_EQ(
      step({"reasoning:secret", "text:a", "reasoning:", "text:b",
            R"(reasoning:more @{"google":{"thoughtSignature":"s"}})", "text:c"},
           {.send_reasoning = false, .send_sources = true, .send_model_version = true}),
      (Events{R"({"type":"text-start","id":"0"})", R"({"type":"text-delta","id":"0","delta":"a"})",
              R"({"type":"text-delta","id":"0","delta":"b"})", R"({"type":"text-end","id":"0"})",
              R"({"type":"text-start","id":"1"})", R"({"type":"text-delta","id":"1","delta":"c"})",
              R"({"type":"text-end","id":"1"})"}));
}

TEST(UiStream, HidesSources) {
  EXPECT_EQ(step({"source:s1:Title:https://s.example/"},
                 {.send_reasoning = true, .send_sources = false, .send_model_version = true}),
            Events());
}

TEST(UiStream, SumsTheTokensOfStepsAndEndsForTheReasonOfTheLast) {
  Harness h;
  EXPECT_EQ(
      chunks(h, {"step-start", "text:a",
                 R"(usage:{"input_tokens":5,"output_tokens":1,"total_tokens":6})",
                 R"(usage:{"input_tokens":10,"output_tokens":2,"total_tokens":19})",
                 "step-finish:tool-calls", "step-start", "text:b",
                 R"(usage:{"input_tokens":30,"total_tokens":31})", "step-finish:length"}),
      (Events{R"({"type":"start-step"})", R"({"type":"text-start","id":"0"})",
              R"({"type":"text-delta","id":"0","delta":"a"})", R"({"type":"text-end","id":"0"})",
              R"({"type":"finish-step"})", R"({"type":"start-step"})",
              R"({"type":"text-start","id":"0"})", R"({"type":"text-delta","id":"0","delta":"b"})",
              R"({"type":"text-end","id":"0"})", R"({"type":"finish-step"})",
              R"({"type":"finish","finishReason":"length","messageMetadata":{"inputTokens":40,)"
              R"("outputTokens":2,"totalTokens":50}})",
              "[DONE]"}));
}

TEST(UiStream, LeavesOutTokensThatNoProviderReported) {
  Harness h;
  EXPECT_EQ(
      chunks(h,
             {R"(usage:{"input_tokens":11,"output_tokens":-1,"total_tokens":9223372036854775807})"})
          .front(),
      R"({"type":"finish","finishReason":"other","messageMetadata":{"inputTokens":11}})");
}

TEST(UiStream, NamesOnlyReasonsThatClientsKnow) {
  Harness h;
  EXPECT_EQ(chunks(h, {"step-start", "step-finish:tired"}),
            (Events{R"({"type":"start-step"})", R"({"type":"finish-step"})",
                    R"({"type":"finish","finishReason":"other","messageMetadata":{}})", "[DONE]"}));
}

TEST(UiStream, ShowsNothingOfWhatIsNotForClients) {
  EXPECT_EQ(step({R"(warning:seed:Not supported.)", R"(custom:com.acme.map:{"a":1})"}), Events());
}

TEST(UiStream, SendsNothingAfterAnError) {
  struct Failing final : Plugin {
    explicit Failing(Host h) : host(h) {}
    Status handle(Exchange& x, Sink& out, Next&) override {
      UiStream stream(host, x, out, kAll);
      if (Status status = stream.fail(); !status) return status;
      return stream.emit(event::text("late"));
    }
    Host host;
  };
  Harness h;
  Failing failing(h.host());
  const testing::Answer answer = h.get(failing, "/");
  EXPECT_EQ(answer.events.size(), 2u) << "start and error";
  EXPECT_EQ(answer.code, GH_STOP);
}

}  // namespace
}  // namespace gatehouse::plugins::chat
