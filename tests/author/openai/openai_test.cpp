#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;

constexpr char kConfig[] = R"({"api_key": "k-1"})";
constexpr char kChat[] = R"({"model": "gpt-x", "messages": [
    {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})";
const Reply kHi = sse({R"({"id": "r1", "model": "gpt-x-2", "choices": [{"delta": {
                           "content": "Hi"}, "finish_reason": "stop"}]})",
                       "[DONE]"});

/// A harness with the provider and one reply of its server.
struct Provider {
  explicit Provider(Reply reply, gatehouse::View config = kConfig) {
    h.be_strict();
    openai = h.create(config);
    h.upstream.push(std::move(reply));
  }
  Answer ask(gatehouse::View chat = kChat) { return h.ask(*openai, chat); }

  Harness h;
  std::unique_ptr<gatehouse::Plugin> openai;
};

/// The body that is sent for a chat.
std::string sent(gatehouse::View chat) {
  Provider p(kHi);
  (void)p.ask(chat);
  return p.h.upstream.requests.at(0).body;
}

bool has(const std::string& text, const char* part) { return text.find(part) != text.npos; }

TEST(OpenAi, SendsAWholeChat) {
  EXPECT_EQ(
      sent(R"({"model": "gpt-x", "system": [{"type": "text", "text": "Be brief."}],
               "temperature": 0.5, "max_output_tokens": 10, "reasoning": {"effort": "low"},
               "messages": [{"role": "user", "content": [
                   {"type": "text", "text": "Hi"},
                   {"type": "file", "media_type": "image/png", "data": "AA=="}]}],
               "tools": [{"name": "t", "input_schema": {"type": "object"}}],
               "tool_choice": {"mode": "required"},
               "response_format": {"type": "json"}, "options": {"openai": {"store": true}}})"),
      R"({"stream":true,"stream_options":{"include_usage":true},"model":"gpt-x",)"
      R"("temperature":0.5,"max_completion_tokens":10,"reasoning_effort":"low",)"
      R"("messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[)"
      R"({"type":"text","text":"Hi"},{"type":"image_url","image_url":{)"
      R"("url":"data:image/png;base64,AA=="}}]}],)"
      R"("tools":[{"type":"function","function":{"name":"t","parameters":{"type":"object"}}}],)"
      R"("tool_choice":"required","response_format":{"type":"json_object"},"store":true})");
}

TEST(OpenAi, SendsTheHistoryOfTools) {
  const std::string body = sent(R"({"model": "m", "messages": [
      {"role": "assistant", "content": [
          {"type": "reasoning", "text": "hm"},
          {"type": "tool-call", "id": "c1", "name": "t", "input": {"q": 1}},
          {"type": "tool-call", "id": "c2", "name": "t", "input": {}},
          {"type": "tool-call", "id": "waits", "name": "t", "input": {}}]},
      {"role": "tool", "content": [
          {"type": "tool-result", "id": "c1", "name": "t", "output": {"a": 2}},
          {"type": "tool-result", "id": "c2", "name": "t", "error": true, "output": "no luck"}]}
      ]})");
  EXPECT_TRUE(has(body, R"("messages":[{"role":"assistant","tool_calls":[{"id":"c1",)"
                        R"("type":"function","function":{"name":"t","arguments":"{\"q\":1}"}},)"
                        R"({"id":"c2","type":"function","function":{"name":"t",)"
                        R"("arguments":"{}"}}],"content":null},)"
                        R"({"role":"tool","tool_call_id":"c1","content":"{\"a\":2}"},)"
                        R"({"role":"tool","tool_call_id":"c2","content":"Error: no luck"}])"))
      << body;
}

TEST(OpenAi, EmitsTheEventsOfAText) {
  Provider p(sse({R"({"id": "r1", "model": "gpt-x-2", "choices": [{"delta": {"content": ""}}]})",
                  R"({"choices": [{"delta": {"reasoning": "Hm."}}]})",
                  R"({"choices": [{"delta": {"content": "Hel"}}]})",
                  R"({"choices": [{"delta": {"content": "lo"}, "finish_reason": "length"}]})",
                  R"({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2,
                      "total_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1}}})",
                  "[DONE]"}));
  EXPECT_EQ(p.ask().events, (Events{"step-start", R"(response:{"id":"r1","model":"gpt-x-2"})",
                                    "reasoning:Hm.", "text:Hel", "text:lo", "step-finish:length",
                                    R"(usage:{"input_tokens":3,"output_tokens":2,"total_tokens":5,)"
                                    R"("cached_input_tokens":1})"}));
  EXPECT_EQ(p.h.upstream.requests[0].path, "/chat/completions");
  EXPECT_EQ(p.h.upstream.requests[0].header("authorization"), "Bearer k-1");
  EXPECT_EQ(p.h.health, "up");
}

TEST(OpenAi, EmitsTheEventsOfToolCalls) {
  Provider p(sse({R"({"choices": [{"delta": {"tool_calls": [
                      {"index": 0, "id": "c1", "function": {"name": "t", "arguments": ""}}]}}]})",
                  R"({"choices": [{"delta": {"tool_calls": [
                      {"index": 0, "function": {"arguments": "{\"q\":"}}]}}]})",
                  R"({"choices": [{"delta": {"tool_calls": [
                      {"index": 0, "function": {"arguments": "1}"}},
                      {"index": 1, "id": "c2", "function": {"name": "u", "arguments": "{]"}}]}}]})",
                  R"({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})"}));
  Events events = p.ask().events;
  events.erase(events.begin(), events.begin() + 2);
  EXPECT_EQ(events, (Events{"tool-input-start:c1:t", R"(tool-input-delta:c1:{"q":)",
                            "tool-input-delta:c1:1}", "tool-input-start:c2:u",
                            "tool-input-delta:c2:{]", R"(tool-call:c1:t:{"q":1})",
                            R"(tool-call-error:c2:u:the arguments are not a JSON object:"{]")",
                            "step-finish:tool-calls"}));
}

TEST(OpenAi, WarnsOfWhatItDoesNotHonour) {
  Provider p(kHi);
  const Answer a = p.ask(R"({"model": "m", "messages": [], "top_k": 4})");
  EXPECT_EQ(a.events.at(0),
            "warning:top_k:`top_k` is not honoured: it is unknown to this provider.");
}

TEST(OpenAi, RejectsWhatItMustHonourAndCannot) {
  Provider p(kHi);
  const Answer a = p.ask(R"({"model": "m", "messages": [], "top_k": 4, "must": ["top_k"]})");
  EXPECT_EQ(a.failure.code, "unsupported_parameter");
  EXPECT_TRUE(p.h.upstream.requests.empty());
}

TEST(OpenAi, RejectsAPartThatItCannotSendWithItsPlace) {
  Provider p(kHi);
  const Answer a = p.ask(R"({"model": "m", "messages": [{"role": "user", "content": [
      {"type": "file", "media_type": "video/mp4", "data": "AA=="}]}]})");
  EXPECT_EQ(a.failure.code, "unsupported");
  EXPECT_EQ(a.failure.message.substr(0, 22), "messages[0].content[0]");
}

TEST(OpenAi, FailsWithTheStatusTheCodeAndTheHealthOfTheServer) {
  const auto outcome = [](Reply reply) {
    Provider p(std::move(reply));
    const Answer a = p.ask();
    return std::to_string(a.status) + " " + a.failure.code + " " + a.header("Retry-After") + " " +
           p.h.health;
  };
  EXPECT_EQ(outcome(reply(401, "{}")),
            "502 upstream_key_refused  down: the server rejects the key: correct `api_key`");
  EXPECT_EQ(outcome(reply(429, "{}", {{"Retry-After", "7"}})), "429 upstream_rate_limited 7 up");
  EXPECT_EQ(outcome(reply(400, "{}")), "502 upstream_refused  up");
  EXPECT_EQ(outcome(reply(503, "{}")), "503 upstream_error  degraded: upstream_error");
  EXPECT_EQ(outcome(sse({R"({"choices": [{"delta": {"content": "x"}}]})"})),
            "502 upstream_broken  degraded: upstream_broken");
  EXPECT_EQ(outcome(sse({"{"})), "502 upstream_malformed  degraded: upstream_malformed");
  EXPECT_EQ(outcome(sse({R"({"error": {"code": "no"}})"})),
            "502 upstream_error  degraded: upstream_error");
}

TEST(OpenAi, KeepsTheKeyOutOfTheLog) {
  Provider p(reply(400, "the key k-1 is wrong"));
  EXPECT_EQ(p.ask().failure.detail, "400 the key [key] is wrong");
}

TEST(OpenAi, PassesOtherModelsOn) {
  Provider p(kHi, R"({"api_key": "k", "models": ["gpt-*"]})");
  p.h.next = answer("another provider");
  EXPECT_EQ(p.ask(R"({"model": "gemini-x", "messages": []})").text, "another provider");
  EXPECT_TRUE(p.h.upstream.requests.empty());
}

}  // namespace
