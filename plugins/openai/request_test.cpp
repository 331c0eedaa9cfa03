#include <gtest/gtest.h>

#include "openai_testing.h"

namespace gatehouse::plugins::openai {
namespace {

using namespace openai_testing;

/// A chat with these messages.
std::string chat(const std::string& messages, const std::string& members = "") {
  return R"({"model": "gpt-4.1", "messages": [)" + messages + "]" +
         (members.empty() ? "" : ", " + members) + "}";
}
std::string user(const std::string& parts) {
  return R"({"role": "user", "content": [)" + parts + "]}";
}
std::string call(const std::string& id, const std::string& name, const std::string& rest = "") {
  return R"({"type": "tool-call", "id": ")" + id + R"(", "name": ")" + name + R"(", "input": {})" +
         rest + "}";
}
std::string result(const std::string& id, const std::string& rest) {
  return R"({"role": "tool", "content": [{"type": "tool-result", "id": ")" + id +
         R"(", "name": "t", )" + rest + "}]}";
}
std::string assistant(const std::string& parts) {
  return R"({"role": "assistant", "content": [)" + parts + "]}";
}
/// The messages that are sent for these.
std::string messages(const std::string& given, const std::string& settings = "") {
  return Gateway(settings).sent(chat(given), "messages");
}
/// The sentences about what is not honoured, or the failure.
Events warnings(const std::string& text, const std::string& settings = "") {
  Gateway g(settings);
  const Answer answer = g.ask(sse({last("stop"), "[DONE]"}), text);
  if (answer.failure.http_status) return {answer.failure.code + ": " + answer.failure.message};
  Events events;
  for (const std::string& e : answer.events) {
    if (e.rfind("warning:", 0) == 0) events.push_back(e);
  }
  return events;
}

TEST(OpenAiRequest, HasExactlyTheMembersThatStrictServersKnow) {
  EXPECT_EQ(Gateway().sent(R"({"model": "gpt-4.1", "temperature": 0.7, "max_output_tokens": 4000,
                               "reasoning": {"visible": true}, "backend_tools": [], "tools": [],
                               "system": [{"type": "text", "text": "Be brief."}],
                               "messages": [{"role": "user", "content": [
                                   {"type": "text", "text": "Hi"}]}]})"),
            R"({"model":"gpt-4.1","max_tokens":4000,"temperature":0.7,"messages":[)"
            R"({"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],)"
            R"("stream":true,"stream_options":{"include_usage":true}})");
}

TEST(OpenAiRequest, LimitsReasoningModelsInTheirOwnWayAndSendsNoSampling) {
  const auto limit_of = [](const std::string& model) {
    Gateway g;
    return g
        .sent(R"({"model": ")" + model + R"(", "messages": [], "max_output_tokens": 5,
                      "temperature": 1})")
        .substr(0, 70);
  };
  for (const std::string model : {"o4-mini", "o1", "gpt-5", "gpt-5.1-codex", "gpt-10", "x/o3"}) {
    EXPECT_EQ(limit_of(model), std::string(R"({"model":")" + model +
                                           R"(","max_completion_tokens":5,"messages":[],"stream":)")
                                   .append(R"(true,"stream_options":{})")
                                   .substr(0, 70))
        << model;
  }
  for (const std::string model :
       {"gpt-4.1", "gpt-5-chat-latest", "gpt-4o", "omni-1", "gpt-oss-20b"})
    EXPECT_NE(limit_of(model).find(R"("max_tokens":5,"temperature":1)"), std::string::npos)
        << model;
  EXPECT_EQ(Gateway(R"("limit": "max_completion_tokens")")
                .sent(R"({"model": "m", "messages": [], "max_output_tokens": 5})",
                      "max_completion_tokens"),
            "5");
}

TEST(OpenAiRequest, JoinsSystemMessagesSinceSmallModelsRejectASecond) {
  EXPECT_EQ(Gateway().sent(R"({"model": "m", "system": [{"type": "text", "text": "A"},
                                                  {"type": "text", "text": "B"}],
                         "messages": [
                         {"role": "system", "content": [{"type": "text", "text": "C"}]}]})",
                           "messages"),
            R"([{"role":"system","content":"AB\n\nC"}])");
}

TEST(OpenAiRequest, SendsTheFilesThatTheApiReads) {
  const std::string text = R"({"type": "text", "text": "See"})";
  const auto part = [&](const std::string& members) {
    const std::string all =
        messages(user(text + R"(, {"type": "file", "media_type": )" + members + "}"));
    return all.substr(std::min(all.size(), all.find("},") + 2));
  };
  const std::string end = "}]}]";
  EXPECT_EQ(part(R"("image/jpg", "data": "AA==")"),
            R"({"type":"image_url","image_url":{"url":"data:image/jpeg;base64,AA=="}})"
            "]}]");
  EXPECT_EQ(part(R"("image/png", "url": "https://x.example/a.png")"),
            R"({"type":"image_url","image_url":{"url":"https://x.example/a.png"}})"
            "]}]");
  EXPECT_EQ(part(R"("application/pdf", "data": "AA==", "name": "a.pdf")"),
            R"({"type":"file","file":{"filename":"a.pdf",)"
            R"("file_data":"data:application/pdf;base64,AA=="}})"
            "]}]");
  EXPECT_EQ(part(R"("application/pdf", "data": "AA==")").substr(0, 57),
            R"({"type":"file","file":{"filename":"document.pdf","file_da)");
  EXPECT_EQ(part(R"("audio/mpeg", "data": "AA==")"),
            R"({"type":"input_audio","input_audio":{"data":"AA==","format":"mp3"}})"
            "]}]");
  EXPECT_EQ(part(R"("text/plain;charset=utf-8", "data": "aGk=")"), R"({"type":"text","text":"hi"})"
                                                                   "]}]");
  EXPECT_EQ(part(R"("application/json", "data": "e30=")"), R"({"type":"text","text":"{}"})"
                                                           "]}]");
}

TEST(OpenAiRequest, SendsOneTextAsAStringAlsoWhenItIsAFile) {
  EXPECT_EQ(messages(user(R"({"type": "file", "media_type": "text/csv", "data": "YSxi"})")),
            R"([{"role":"user","content":"a,b"}])");
}

TEST(OpenAiRequest, RejectsFilesThatItCannotSendWithTheirPlace) {
  for (const std::string file :
       {R"("video/mp4", "data": "AA==")", R"("application/pdf", "url": "https://x.example/a.pdf")",
        R"("image/heic", "data": "AA==")", R"("image/png", "data": "\"}]")",
        R"("image/png", "url": "file:///etc/passwd")", R"("audio/wav", "url": "https://x/a.wav")",
        R"("text/plain", "data": "/w==")"}) {
    EXPECT_EQ(warnings(chat(user(R"({"type": "file", "media_type": )" + file + "}"))),
              Events{"unsupported: messages[0].content[0] is not supported: the API does not read "
                     "this file"})
        << file;
  }
}

TEST(OpenAiRequest, PutsResultsRightBehindTheirCallsAndLeavesOutOpenCalls) {
  EXPECT_EQ(messages(assistant(R"({"type": "text", "text": "A"}, )" + call("c1", "t") + "," +
                               call("waits", "t") + R"(, {"type": "text", "text": "B"})") +
                     "," + result("c1", R"("output": {"a": 1})") + "," +
                     user(R"({"type": "text", "text": "Next"})")),
            R"([{"role":"assistant","content":"AB","tool_calls":[{"id":"c1","type":"function",)"
            R"("function":{"name":"t","arguments":"{}"}}]},)"
            R"({"role":"tool","tool_call_id":"c1","content":"{\"a\":1}"},)"
            R"({"role":"user","content":"Next"}])");
}

TEST(OpenAiRequest, SendsResultsAsTexts) {
  const auto content = [](const std::string& members) {
    Gateway g;
    const Document sent = testing::parse(
        g.sent(chat(assistant(call("c", "t")) + "," + result("c", members)), "messages"));
    return std::string(sent.root().at(1)["content"].str());
  };
  EXPECT_EQ(content(R"("output": "as it is")"), "as it is");
  EXPECT_EQ(content(R"("output": null)"), "null");
  EXPECT_EQ(content(R"("error": true, "output": "no luck")"), "no luck");
  EXPECT_EQ(content(R"("content": [{"type": "text", "text": "one"},
                       {"type": "file", "media_type": "image/png", "data": "AA=="}])"),
            R"({"content":[{"type":"text","text":"one"},{"type":"image","data":"AA==",)"
            R"("mimeType":"image/png"}]})");
  EXPECT_EQ(content(R"("error": true, "content": [{"type": "text", "text": "full"}])"),
            R"({"content":[{"type":"text","text":"full"}],"isError":true})");
}

TEST(OpenAiRequest, LeavesOutStepsWithoutTextAndCalls) {
  EXPECT_EQ(messages(assistant(R"({"type": "reasoning", "text": "Hm."})") + "," + assistant("") +
                     "," + user("")),
            "[]");
}

TEST(OpenAiRequest, ReturnsReasoningWithTheCallsItLedTo) {
  const std::string step = assistant(R"({"type": "reasoning", "text": "Hm."}, )" + call("c", "t")) +
                           "," + result("c", R"("output": "r")");
  const auto member = [&](const std::string& settings) {
    const std::string sent = messages(step, settings);
    const auto at = sent.find("reasoning");
    return at == std::string::npos ? "" : sent.substr(at, sent.find(',', at) - at);
  };
  const std::string local = R"("base_url": "http://127.0.0.1:1/v1")";
  EXPECT_EQ(member(local), R"(reasoning_content":"Hm.")");
  EXPECT_EQ(member(R"("dialect": "vllm")"), R"(reasoning":"Hm.")");
  EXPECT_EQ(member(R"("dialect": "vllm", "reasoning_field": "reasoning_content")"),
            R"(reasoning_content":"Hm.")");
  EXPECT_EQ(member(R"("dialect": "groq")"), "");
  EXPECT_EQ(member(""), "");  // OpenAI
}

TEST(OpenAiRequest, HasAnEmptyReasoningWhereDeepSeekDemandsIt) {
  const std::string sent = messages(
      assistant(call("c", "t")) + "," + result("c", R"("output": "")"), R"("dialect": "deepseek")");
  EXPECT_NE(sent.find(R"("reasoning_content":"","tool_calls")"), std::string::npos) << sent;
}

TEST(OpenAiRequest, MakesIdsOfOtherProvidersLegalEachInItsOwnWay) {
  const std::string long_id(60, 'x');
  const auto ids = [](const std::string& sent) {
    std::vector<std::string> found;
    const Document document = testing::parse(sent);
    for (const Json call : document.root().at(0)["tool_calls"])
      found.emplace_back(call["id"].str());
    for (const Json message : document.root()) {
      if (message["role"].str() == "tool") found.emplace_back(message["tool_call_id"].str());
    }
    return found;
  };
  const std::string step = assistant(call("functions.t:0", "t") + "," + call(long_id, "t") + "," +
                                     call(long_id + "y", "t")) +
                           "," + result("functions.t:0", R"("output": 1)") + "," +
                           result(long_id, R"("output": 2)") + "," +
                           result(long_id + "y", R"("output": 3)");
  auto sent = ids(messages(step));
  ASSERT_EQ(sent.size(), 6u);
  EXPECT_EQ(sent[0], "functions.t:0");
  EXPECT_EQ(sent[1].size(), 40u);
  EXPECT_NE(sent[1], sent[2]);
  EXPECT_TRUE(std::equal(sent.begin(), sent.begin() + 3, sent.begin() + 3));

  sent = ids(messages(step, R"("dialect": "mistral")"));
  for (const std::string& id : sent) {
    EXPECT_EQ(id.size(), 9u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
  EXPECT_NE(sent[1], sent[2]);
  EXPECT_TRUE(std::equal(sent.begin(), sent.begin() + 3, sent.begin() + 3));
}

TEST(OpenAiRequest, GivesTwoNamesThatWouldMeetDifferentEnds) {
  Gateway g;
  const Document tools = testing::parse(
      g.sent(chat("", R"("tools": [{"name": "a.b"}, {"name": "a/b"}, {"name": "a_b"}])"), "tools"));
  std::set<std::string> names;
  for (const Json tool : tools.root()) names.emplace(tool["function"]["name"].str());
  EXPECT_EQ(names.size(), 3u);
  EXPECT_EQ(names.count("a_b"), 1u);
  EXPECT_EQ(tools.root().at(2)["function"]["name"].str(), "a_b");
  for (const std::string& name : names)
    EXPECT_EQ(name.find_first_not_of("ab_0123456789cdef"), std::string::npos) << name;
}

TEST(OpenAiRequest, DeclaresToolsWithAnObjectAtTheRootOfTheirSchema) {
  const auto parameters = [](const std::string& schema) {
    const std::string tools =
        Gateway().sent(chat("", R"("tools": [{"name": "t")" + schema + "}]"), "tools");
    const auto at = tools.find(R"("parameters":)");
    return tools.substr(at + 13, tools.size() - at - 16);
  };
  EXPECT_EQ(parameters(""), R"({"type":"object","properties":{}})");
  EXPECT_EQ(parameters(R"(, "input_schema": {"$schema": "s", "type": "object", "properties": {
                "a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"anyOf": [{}]}}})"),
            R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$schema":"s",)"
            R"("$defs":{"A":{"anyOf":[{}]}}})");
  EXPECT_EQ(parameters(R"(, "input_schema": {"anyOf": [{"properties": {"a": {"type": "string"}}},
                {"properties": {"a": {}, "b": {}}}], "required": ["a"]})"),
            R"({"type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a"]})");
  EXPECT_EQ(parameters(R"(, "input_schema": {"$ref": "#/definitions/X", "definitions": {"X": {
                "type": "object", "properties": {"a": {}}}}})"),
            R"({"type":"object","properties":{"a":{}},"definitions":{"X":{"type":"object",)"
            R"("properties":{"a":{}}}}})");
}

TEST(OpenAiRequest, OffersTheToolsThatTheChoiceNames) {
  const std::string tools = R"("tools": [{"name": "a", "description": "A"}, {"name": "b"}])";
  Gateway g;
  const std::string body =
      g.sent(chat("", tools + R"(, "tool_choice": {"mode": "required", "names": ["a"]},
                                   "parallel_tool_calls": false)"));
  EXPECT_NE(body.find(R"("tools":[{"type":"function","function":{"name":"a","description":"A",)"
                      R"("parameters":{"type":"object","properties":{}}}}],)"
                      R"("tool_choice":"required","parallel_tool_calls":false)"),
            std::string::npos)
      << body;
  EXPECT_EQ(g.sent(chat("", tools + R"(, "tool_choice": {"mode": "auto"})"), "tool_choice"), "");
  EXPECT_EQ(g.sent(chat("", R"("tool_choice": {"mode": "none"})"), "tool_choice"), "");
}

TEST(OpenAiRequest, SendsAsManyToolsAsTheApiAccepts) {
  std::string tools;
  for (int i = 0; i < 130; ++i)
    tools += (i ? "," : "") + (R"({"name": "t)" + std::to_string(i) + "\"}");
  const std::string many = chat("", R"("tools": [)" + tools + "]");
  Gateway g;
  EXPECT_EQ(testing::parse(g.sent(many, "tools")).root().size(), 128u);
  EXPECT_EQ(warnings(many), Events{"warning:tools:`tools` is not honoured: the API accepts 128 "
                                   "tools, and gets the first ones."});
  EXPECT_EQ(testing::parse(Gateway(R"("dialect": "vllm")").sent(many, "tools")).root().size(),
            130u);
}

TEST(OpenAiRequest, SendsResponseFormatsEffortAndOptions) {
  Gateway g(R"("dialect": "vllm", "extra": {"top_k": 5, "x": 1})");
  const std::string body = g.sent(
      R"({"model": "m", "messages": [], "seed": 1, "stop": ["E"], "reasoning": {"effort": "max"},
          "response_format": {"type": "json", "schema": {"type": "object"}},
          "options": {"openai": {"x": 2, "model": "other"}}})");
  EXPECT_NE(body.find(R"("seed":1,"stop":["E"],"reasoning_effort":"xhigh")"), std::string::npos);
  EXPECT_NE(body.find(R"("response_format":{"type":"json_schema","json_schema":{)"
                      R"("name":"response","schema":{"type":"object"}}})"),
            std::string::npos);
  EXPECT_NE(body.find(R"("top_k":5,"x":2})"), std::string::npos) << body;
  EXPECT_EQ(body.find("other"), std::string::npos);
}

TEST(OpenAiRequest, NamesALevelThatTheModelAccepts) {
  const auto effort = [](const std::string& model, const std::string& reasoning) {
    return Gateway().sent(
        R"({"messages": [], "model": ")" + model + R"(", "reasoning": {)" + reasoning + "}}",
        "reasoning_effort");
  };
  const std::vector<std::array<std::string, 3>> table = {
      {"o4-mini", "none", "low"},           {"o4-mini", "minimal", "low"},
      {"openai/o3", "xhigh", "high"},       {"gpt-5", "none", "minimal"},
      {"gpt-5-mini", "minimal", "minimal"}, {"gpt-5-2025-08-07", "max", "high"},
      {"gpt-5.1", "minimal", "none"},       {"gpt-5.1", "none", "none"},
      {"gpt-5.2-codex", "xhigh", "xhigh"},  {"gpt-6", "max", "xhigh"},
  };
  for (const auto& [model, wanted, sent] : table)
    EXPECT_EQ(effort(model, R"("effort": ")" + wanted + "\""), "\"" + sent + "\"") << model;
  EXPECT_EQ(effort("o4-mini", R"("budget_tokens": 0)"), R"("low")");
  EXPECT_EQ(effort("gpt-5", R"("budget_tokens": 1024)"), R"("low")");
  EXPECT_EQ(effort("gpt-5", R"("budget_tokens": 20000)"), R"("high")");
  EXPECT_EQ(effort("gpt-5.2", R"("budget_tokens": 900000)"), R"("xhigh")");
  EXPECT_EQ(effort("gpt-5", R"("visible": true)"), "");
}

TEST(OpenAiRequest, SendsNoParallelToolCallsToModelsThatRejectIt) {
  const auto sent = [](const std::string& model) {
    return Gateway().sent(R"({"messages": [], "tools": [{"name": "a"}], "model": ")" + model +
                              R"(", "parallel_tool_calls": false})",
                          "parallel_tool_calls");
  };
  EXPECT_EQ(sent("o3-mini"), "");
  EXPECT_EQ(sent("gpt-5"), "false");
}

TEST(OpenAiRequest, WarnsOfWhatItDoesNotHonour) {
  const auto warning = [](const std::string& members) {
    const Events all = warnings(R"({"messages": [], "model": )" + members + "}");
    return all.empty() ? std::string() : all.front();
  };
  EXPECT_EQ(warning(R"("m", "top_k": 4)"),
            "warning:top_k:`top_k` is not honoured: it is unknown to this provider.");
  EXPECT_EQ(warning(R"("o4-mini", "temperature": 1)"),
            "warning:temperature:`temperature` is not honoured: the model does not accept it.");
  EXPECT_EQ(warning(R"("gpt-4.1", "reasoning": {"effort": "low"})"),
            "warning:reasoning:`reasoning` is not honoured: the model does not reason.");
  EXPECT_EQ(warning(R"("gpt-4.1", "reasoning": {"effort": "none"})"), "");
  EXPECT_EQ(warning(R"("gpt-5", "reasoning": {"budget_tokens": 9})"),
            "warning:reasoning:`reasoning` is not honoured: the model uses low instead.");
  EXPECT_EQ(warning(R"("o4-mini", "reasoning": {"effort": "low"})"), "");
  EXPECT_EQ(warning(R"("o4-mini", "reasoning": {"visible": true})"), "");
  EXPECT_EQ(warning(R"("o4-mini", "reasoning": {"effort": "none"})"),
            "warning:reasoning:`reasoning` is not honoured: the model uses low instead.");
  EXPECT_EQ(warning(R"("o4-mini", "parallel_tool_calls": false)"),
            "warning:parallel_tool_calls:`parallel_tool_calls` is not honoured: the model does not "
            "accept it.");
  EXPECT_EQ(warning(R"("gpt-5", "parallel_tool_calls": false)"), "");
  EXPECT_EQ(warning(R"("m", "stop": ["1", "2", "3", "4", "5"])"),
            "warning:stop:`stop` is not honoured: the API accepts 4 texts, and uses the first "
            "ones.");
  EXPECT_EQ(warning(R"("m", "modalities": ["image"])"),
            "warning:modalities:`modalities` is not honoured: the model responds with text.");
  EXPECT_EQ(warning(R"("m", "top_k": 4, "must": ["top_k"])"),
            "unsupported_parameter: `top_k` is not honoured: it is unknown to this provider.");
}

// ---- Histories of other providers --------------------------------------------------------------

TEST(OpenAiRequest, ContinuesAConversationThatGeminiBegan) {
  EXPECT_EQ(
      messages(user(R"({"type": "text", "text": "Draw"})") + "," +
                   assistant(R"({"type": "reasoning", "text": "Hm.",
                                 "metadata": {"google": {"thoughtSignature": "c2ln"}}},
                                {"type": "text", "text": "Here",
                                 "metadata": {"google": {"thoughtSignature": "c2ln"}}},
                                {"type": "file", "media_type": "image/png", "data": "AA=="}, )" +
                             call("A1b2C3d4E5f6G7h8", "get.page",
                                  R"(, "metadata": {"google": {"thoughtSignature": "c2ln"}})")) +
                   "," + result("A1b2C3d4E5f6G7h8", R"("output": "p")"),
               R"("base_url": "http://127.0.0.1:1/v1")"),
      R"([{"role":"user","content":"Draw"},{"role":"assistant","content":"Here",)"
      R"("reasoning_content":"Hm.","tool_calls":[{"id":"A1b2C3d4E5f6G7h8","type":"function",)"
      R"("function":{"name":"get_page","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"A1b2C3d4E5f6G7h8","content":"p"}])");
}

TEST(OpenAiRequest, ContinuesAConversationThatAnthropicBegan) {
  EXPECT_EQ(messages(assistant(R"({"type": "reasoning", "text": "Hm.",
                             "metadata": {"anthropic": {"signature": "c2ln"}}},
                            {"type": "reasoning", "text": "",
                             "metadata": {"anthropic": {"redactedData": "eA=="}}}, )" +
                               call("toolu_01", "t")) +
                         "," + result("toolu_01", R"("error": true, "output": "denied")"),
                     R"("base_url": "http://127.0.0.1:1/v1")"),
            R"([{"role":"assistant","content":null,"reasoning_content":"Hm.","tool_calls":[)"
            R"({"id":"toolu_01","type":"function","function":{"name":"t","arguments":"{}"}}]},)"
            R"({"role":"tool","tool_call_id":"toolu_01","content":"denied"}])");
}

TEST(OpenAiRequest, WarnsOfWhatAnotherProviderRanOrDrew) {
  EXPECT_EQ(warnings(chat(assistant(
                call("w", "web_search", R"(, "provider_executed": true)") +
                R"(, {"type": "tool-result", "id": "w", "name": "web_search", "output": {},
                      "provider_executed": true},
                     {"type": "file", "media_type": "image/png", "data": "AA=="})"))),
            (Events{"warning:messages:`messages` is not honoured: messages[0].content[0] is from "
                    "another provider, and is left out.",
                    "warning:messages:`messages` is not honoured: messages[0].content[2] is from "
                    "another provider, and is left out."}));
}

TEST(OpenAiRequest, ReturnsTheSignatureThatGooglesServerSends) {
  const std::string sent =
      messages(assistant(call("c", "t", R"(, "metadata": {"openai": {"extraContent": {"google": {
                "thought_signature": "c2ln"}}}})")) +
               "," + result("c", R"("output": 1)"));
  EXPECT_NE(sent.find(R"("extra_content":{"google":{"thought_signature":"c2ln"}})"),
            std::string::npos)
      << sent;
}

}  // namespace
}  // namespace gatehouse::plugins::openai
