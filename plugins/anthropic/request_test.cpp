#include <gtest/gtest.h>

#include "anthropic_testing.h"

namespace gatehouse::plugins::anthropic {
namespace {

using namespace anthropic_testing;

/// A chat with these messages.
std::string chat(const std::string& messages, const std::string& members = "",
                 const std::string& model = "claude-haiku-4-5") {
  return R"({"model": ")" + model + R"(", "messages": [)" + messages + "]" +
         (members.empty() ? "" : ", " + members) + "}";
}
std::string user(const std::string& parts) {
  return R"({"role": "user", "content": [)" + parts + "]}";
}
std::string assistant(const std::string& parts) {
  return R"({"role": "assistant", "content": [)" + parts + "]}";
}
std::string words(const std::string& text, const std::string& rest = "") {
  return R"({"type": "text", "text": ")" + text + "\"" + rest + "}";
}
std::string call(const std::string& id, const std::string& name = "t",
                 const std::string& rest = "") {
  return R"({"type": "tool-call", "id": ")" + id + R"(", "name": ")" + name + R"(", "input": {})" +
         rest + "}";
}
std::string result(const std::string& id, const std::string& rest = R"("output": "r")") {
  return R"({"type": "tool-result", "id": ")" + id + R"(", "name": "t", )" + rest + "}";
}
std::string tool(const std::string& results) {
  return R"({"role": "tool", "content": [)" + results + "]}";
}
std::string thought(const std::string& text, const std::string& own) {
  return R"({"type": "reasoning", "text": ")" + text + R"(", "metadata": {"anthropic": {)" + own +
         "}}}";
}
/// The messages that are sent for these.
std::string messages(const std::string& given, const std::string& settings = "") {
  return Gateway(settings).sent(chat(given), "messages");
}
std::string said(const std::string& text) { return R"({"type":"text","text":")" + text + "\"}"; }
/// The sentences about what is not honoured, or the failure.
Events warnings(const std::string& text, const std::string& settings = "") {
  Gateway g(settings);
  const Answer answer = g.ask(sse({last("end_turn"), kStop}), text);
  if (answer.failure.http_status) return {answer.failure.code + ": " + answer.failure.message};
  Events events;
  for (const std::string& e : answer.events) {
    if (e.rfind("warning:", 0) == 0) events.push_back(e);
  }
  return events;
}

TEST(AnthropicRequest, HasExactlyTheMembersThatTheApiKnows) {
  EXPECT_EQ(Gateway().sent(
                R"({"model": "claude-haiku-4-5", "temperature": 0.7, "max_output_tokens": 4000,
              "reasoning": {"visible": true}, "tools": [],
              "system": [{"type": "text", "text": "A"}], "messages": [
              {"role": "system", "content": [{"type": "text", "text": "B"}]},
              {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})"),
            R"({"model":"claude-haiku-4-5","max_tokens":4000,"temperature":0.7,)"
            R"("system":[{"type":"text","text":"A\n\nB"}],"messages":[{"role":"user","content":[)"
            R"({"type":"text","text":"Hi"}]}],"stream":true})");
}

TEST(AnthropicRequest, LimitsTokensAsTheModelDoes) {
  const auto limit = [](const std::string& model, const std::string& members = "") {
    return Gateway().sent(chat("", members, model), "max_tokens");
  };
  EXPECT_EQ(limit("claude-haiku-4-5"), "8192");
  const std::string many = R"("max_output_tokens": 900000)";
  EXPECT_EQ(limit("claude-haiku-4-5-20251001", many), "64000");
  EXPECT_EQ(limit("claude-opus-4-1", many), "32000");
  EXPECT_EQ(limit("claude-opus-4-6", many), "128000");
  EXPECT_EQ(limit("anthropic.claude-3-5-haiku-20241022-v1:0", many), "8192");
  EXPECT_EQ(limit("kimi-k3", many), "900000");
}

TEST(AnthropicRequest, SendsSamplingAsTheModelTakesIt) {
  const auto sent = [](const std::string& model, const std::string& temperature) {
    return Gateway().sent(chat("", R"("temperature": )" + temperature, model), "temperature");
  };
  EXPECT_EQ(sent("claude-haiku-4-5", "1.5"), "1");
  EXPECT_EQ(sent("claude-haiku-4-5", "0"), "0");
  for (const std::string model : {"claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5",
                                  "claude-haiku-5-5", "claude-fable-5"})
    EXPECT_EQ(sent(model, "1"), "") << model;
}

TEST(AnthropicRequest, SendsTemperatureOrTopPToModelsThatRejectBoth) {
  const std::string both = R"("temperature": 0.5, "top_p": 0.9, "top_k": 9)";
  for (const std::string model : {"claude-haiku-4-5", "claude-opus-4-1", "claude-sonnet-4-6"}) {
    const std::string sent = Gateway().sent(chat("", both, model));
    EXPECT_NE(sent.find(R"("temperature":0.5,"top_k":9,)"), std::string::npos) << sent;
    EXPECT_EQ(Gateway().sent(chat("", R"("top_p": 0.9)", model), "top_p"), "0.9");
  }
  EXPECT_EQ(Gateway().sent(chat("", both, "kimi-k3"), "top_p"), "0.9");
  EXPECT_EQ(warnings(chat("", both)), Events{"warning:top_p:`top_p` is not honoured: the model "
                                             "accepts one of it and `temperature`."});
}

TEST(AnthropicRequest, StopsAtNoWhiteSpaceWhichTheApiRejects) {
  EXPECT_EQ(Gateway().sent(chat("", R"("stop": ["\n\n", "END", " "])"), "stop_sequences"),
            R"(["END"])");
  EXPECT_EQ(Gateway().sent(chat("", R"("stop": ["\n"])"), "stop_sequences"), "");
  EXPECT_EQ(warnings(chat("", R"("stop": ["\n"])")),
            Events{"warning:stop:`stop` is not honoured: the API rejects white space."});
}

TEST(AnthropicRequest, JoinsNeighboursAndPutsResultsFirst) {
  EXPECT_EQ(messages(user(words("One")) + "," + user(words("Two")) + "," +
                     assistant(call("c1") + "," + call("c2")) + "," +
                     tool(result("c2", R"("output": {"a": 1})") + "," +
                          result("c1", R"("error": true, "output": "no luck")")) +
                     "," + user(words("Three"))),
            R"([{"role":"user","content":[)" + said("One") + "," + said("Two") +
                R"(]},{"role":"assistant","content":[)"
                R"({"type":"tool_use","id":"c1","name":"t","input":{}},)"
                R"({"type":"tool_use","id":"c2","name":"t","input":{}}]},)"
                R"({"role":"user","content":[)"
                R"({"type":"tool_result","tool_use_id":"c1","content":"no luck","is_error":true},)"
                R"({"type":"tool_result","tool_use_id":"c2","content":"{\"a\":1}"},)" +
                said("Three") + "]}]");
}

TEST(AnthropicRequest, PutsCallsBehindTheTextsBetweenTwoThoughts) {
  const std::string sent = messages(user(words("Q")) + "," +
                                    assistant(call("c1") + "," + words("A") + "," +
                                              thought("Hm.", R"("signature": "s")") + "," +
                                              call("c2") + "," + words("B")) +
                                    "," + tool(result("c1") + "," + result("c2")));
  std::string order;
  const Document document = testing::parse(sent);
  for (const Json block : document.root().at(1)["content"])
    order.append(block["type"].str()).append(block["id"].str()).append(" ");
  EXPECT_EQ(order, "text tool_usec1 thinking text tool_usec2 ");
}

TEST(AnthropicRequest, ReturnsThoughtsByteForByte) {
  EXPECT_EQ(messages(user(words("Q")) + "," +
                     assistant(thought(" Hm\\n", R"("signature": "c2/+n==")") + "," +
                               thought("", R"("signature": "x")") + "," +
                               thought("", R"("redactedData": "eA==")") + "," + words("So"))),
            R"([{"role":"user","content":[)" + said("Q") +
                R"(]},{"role":"assistant","content":[)"
                R"({"type":"thinking","thinking":" Hm\n","signature":"c2/+n=="},)"
                R"({"type":"thinking","thinking":"","signature":"x"},)"
                R"({"type":"redacted_thinking","data":"eA=="},)" +
                said("So") + "]}]");
}

TEST(AnthropicRequest, LeavesOutBlankTextsAndOpenCalls) {
  EXPECT_EQ(messages(user(words("Q") + "," + words(" \\n")) + "," +
                     assistant(words("  ") + "," + call("waits")) + "," + user(words("R"))),
            R"([{"role":"user","content":[)" + said("Q") + "," + said("R") + "]}]");
}

TEST(AnthropicRequest, EndsWithATextOfTheModelOnlyWhereItMay) {
  const std::string prefill = user(words("Q")) + "," + assistant(words("So \\n"));
  EXPECT_EQ(messages(prefill), R"([{"role":"user","content":[)" + said("Q") +
                                   R"(]},{"role":"assistant","content":[)" + said("So") + "]}]");
  const std::string sent = Gateway().sent(chat(prefill, "", "claude-opus-4-6"), "messages");
  EXPECT_EQ(sent.substr(sent.rfind('[')), "[" + said("Continue.") + "]}]");
}

TEST(AnthropicRequest, BeginsWithTheUser) {
  EXPECT_EQ(messages(assistant(words("Hi")) + "," + user(words("Q"))),
            R"([{"role":"user","content":[)" + said("Continue.") +
                R"(]},{"role":"assistant","content":[)" + said("Hi") +
                R"(]},{"role":"user","content":[)" + said("Q") + "]}]");
}

TEST(AnthropicRequest, SendsTheFilesThatTheApiReads) {
  const auto block = [](const std::string& members) {
    const std::string sent = messages(user(R"({"type": "file", "media_type": )" + members + "}"));
    return sent.substr(27, sent.size() - 30);
  };
  EXPECT_EQ(
      block(R"("image/jpg", "data": "AA==")"),
      R"({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AA=="}})");
  EXPECT_EQ(block(R"("image/png", "url": "https://x.example/a.png")"),
            R"({"type":"image","source":{"type":"url","url":"https://x.example/a.png"}})");
  EXPECT_EQ(block(R"("application/pdf", "data": "AA==", "name": "a.pdf")"),
            R"({"type":"document","source":{"type":"base64","media_type":"application/pdf",)"
            R"("data":"AA=="},"title":"a.pdf"})");
  EXPECT_EQ(block(R"("application/pdf", "url": "https://x.example/a.pdf")"),
            R"({"type":"document","source":{"type":"url","url":"https://x.example/a.pdf"}})");
  EXPECT_EQ(
      block(R"("application/json", "data": "e30=")"),
      R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"{}"}})");
}

TEST(AnthropicRequest, RejectsFilesThatItCannotSendWithTheirPlace) {
  for (const std::string file :
       {R"("video/mp4", "data": "AA==")", R"("image/png", "url": "http://x.example/a.png")",
        R"("image/heic", "data": "AA==")", R"("image/png", "data": "%%%")",
        R"("audio/wav", "data": "AA==")", R"("text/plain", "url": "https://x.example/a.txt")"}) {
    EXPECT_EQ(warnings(chat(user(R"({"type": "file", "media_type": )" + file + "}"))),
              Events{"unsupported: messages[0].content[0] is not supported: the API does not read "
                     "this file"})
        << file;
  }
}

TEST(AnthropicRequest, SendsContentOfResultsAsBlocks) {
  const std::string sent = messages(
      user(words("Q")) + "," + assistant(call("c")) + "," +
      tool(result("c", R"("content": [{"type": "text", "text": "one"}, {"type": "text", "text": ""},
              {"type": "file", "media_type": "image/png", "data": "AA=="},
              {"type": "file", "media_type": "audio/wav", "data": "AA=="}])")));
  EXPECT_NE(sent.find(R"("content":[{"type":"text","text":"one"},{"type":"image","source":{)"
                      R"("type":"base64","media_type":"image/png","data":"AA=="}},)"
                      R"x({"type":"text","text":"(a file of type audio/wav was left out)"}]})x"),
            std::string::npos)
      << sent;
}

TEST(AnthropicRequest, DeclaresTools) {
  const std::string tools =
      R"("tools": [{"name": "a.b", "description": "A", "input_schema": {"oneOf": [{}]}},
                   {"name": "b"}])";
  const auto sent = [&](const std::string& members) {
    const std::string body = Gateway().sent(chat("", tools + members));
    return body.substr(body.find(R"(,"tools")"));
  };
  const std::string declared =
      R"(,"tools":[{"name":"a_b","description":"A","input_schema":{"type":"object",)"
      R"("properties":{}}},{"name":"b","input_schema":{"type":"object","properties":{}}}])";
  const std::string end = R"(,"stream":true})";
  EXPECT_EQ(sent(""), declared + end);
  EXPECT_EQ(sent(R"(, "tool_choice": {"mode": "required"}, "parallel_tool_calls": false)"),
            declared + R"(,"tool_choice":{"type":"any","disable_parallel_tool_use":true})" + end);
  EXPECT_EQ(sent(R"(, "tool_choice": {"mode": "none"})"),
            declared + R"(,"tool_choice":{"type":"none"})" + end);
  EXPECT_EQ(Gateway().sent(chat("", R"("tool_choice": {"mode": "none"})"), "tool_choice"), "");
}

TEST(AnthropicRequest, ThinksByTheEffortOfItsOwnOptionsUnlessTheChatHasOne) {
  const std::string own = R"("options": {"anthropic": {"effort": "high"}})";
  const auto effort = [](const std::string& members) {
    return Gateway().sent(chat("", members, "claude-opus-4-8"), "output_config");
  };
  EXPECT_EQ(effort(own), R"({"effort":"high"})");
  EXPECT_EQ(effort(own + R"(, "reasoning": {"effort": "low"})"), R"({"effort":"low"})");
  EXPECT_EQ(warnings(chat("", own, "claude-opus-4-8")), Events());
}

TEST(AnthropicRequest, ThinksByBudgetOrByEffort) {
  const auto sent = [](const std::string& model, const std::string& reasoning,
                       const std::string& settings = "") {
    const std::string body = Gateway(settings).sent(
        chat("",
             R"("max_output_tokens": 20000, "temperature": 1)" +
                 (reasoning.empty() ? "" : R"(, "reasoning": {)" + reasoning + "}"),
             model));
    const auto from = body.find(R"("max_tokens":20000,)") + 19;
    return body.substr(from, body.find(R"("messages")") - from);
  };
  EXPECT_EQ(sent("claude-haiku-4-5", R"("effort": "low")"),
            R"("thinking":{"type":"enabled","budget_tokens":4096},)");
  EXPECT_EQ(sent("claude-haiku-4-5", R"("budget_tokens": 5)"),
            R"("thinking":{"type":"enabled","budget_tokens":1024},)");
  EXPECT_EQ(sent("claude-haiku-4-5", R"("effort": "max")"),
            R"("thinking":{"type":"enabled","budget_tokens":15000},)");
  EXPECT_EQ(sent("claude-haiku-4-5", R"("effort": "none")"), R"("temperature":1,)");
  EXPECT_EQ(sent("claude-opus-4-6", R"("effort": "xhigh", "visible": true)"),
            R"("thinking":{"type":"adaptive","display":"summarized"},)"
            R"("output_config":{"effort":"high"},)");
  EXPECT_EQ(sent("claude-opus-4-8", R"("budget_tokens": 30000)"),
            R"("thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"},)");
  EXPECT_EQ(sent("claude-haiku-4-5", "", R"("thinking": 2048)"),
            R"("thinking":{"type":"enabled","budget_tokens":2048},)");
  EXPECT_EQ(sent("claude-haiku-4-5", R"("effort": "none")", R"("thinking": "high")"),
            R"("temperature":1,)");
}

TEST(AnthropicRequest, SendsSchemasOfResponses) {
  EXPECT_EQ(Gateway().sent(chat("", R"("response_format": {"type": "json",
                                       "schema": {"type": "object"}})"),
                           "output_config"),
            R"({"format":{"type":"json_schema","schema":{"type":"object"}}})");
}

TEST(AnthropicRequest, MarksWhatTheCacheIsToKeep) {
  const std::string tools = R"("tools": [{"name": "a"}, {"name": "b"}],
                               "system": [{"type": "text", "text": "S"}])";
  const std::string body =
      Gateway(R"("cache": "1h")")
          .sent(
              chat(user(words("A")) + "," + assistant(words("B")) + "," + user(words("C")), tools));
  const std::string mark = R"("cache_control":{"type":"ephemeral","ttl":"1h"})";
  std::size_t marks = 0;
  for (auto at = body.find(mark); at != std::string::npos; at = body.find(mark, at + 1)) ++marks;
  EXPECT_EQ(marks, 3u);
  EXPECT_NE(body.find(R"("text":"S",)" + mark), std::string::npos);
  EXPECT_NE(body.find(R"("text":"C",)" + mark), std::string::npos);
  EXPECT_NE(body.find(R"("properties":{}},)" + mark + "}]"), std::string::npos);
}

TEST(AnthropicRequest, MarksThePartsThatTheChatMarksTheLastFour) {
  const std::string option =
      R"(, "metadata": {"anthropic": {"cacheControl": {"type": "ephemeral", "ttl": "5m"}}})";
  std::string parts;
  for (int i = 0; i < 6; ++i) parts += (i ? "," : "") + words("p" + std::to_string(i), option);
  const std::string body = messages(user(parts));
  const std::string mark = R"(,"cache_control":{"type":"ephemeral"}})";
  EXPECT_EQ(body.find("p1\"" + mark), std::string::npos);
  EXPECT_NE(body.find("p2\"" + mark), std::string::npos) << body;
  EXPECT_NE(body.find("p5\"" + mark), std::string::npos);
}

TEST(AnthropicRequest, MarksSystemTextsAndToolsThatTheChatMarks) {
  const std::string option = R"("metadata": {"anthropic": {"cacheControl": {"ttl": "1h"}}})";
  const std::string mark = R"("cache_control":{"type":"ephemeral","ttl":"1h"})";
  const auto system = [](const std::string& text, const std::string& more) {
    return R"({"role": "system", "content": [{"type": "text", "text": ")" + text + "\"" + more +
           "}]},";
  };
  const std::string more = R"("tools": [{"name": "a", )" + option + R"(}, {"name": "b"}])";
  const std::string given =
      chat(system("A", "") + system("B", ", " + option) + system("C", "") + user(words("Q")), more);
  EXPECT_EQ(Gateway().sent(given, "system"),
            R"([{"type":"text","text":"A\n\nB",)" + mark + R"(},{"type":"text","text":"C"}])");
  const std::string tools = Gateway().sent(given, "tools");
  EXPECT_NE(tools.find(mark), std::string::npos);
  EXPECT_LT(tools.find(mark), tools.find(R"("name":"b")"));
  EXPECT_EQ(tools.find(mark, tools.find(R"("name":"b")")), std::string::npos);
}

TEST(AnthropicRequest, WarnsOfWhatItDoesNotHonour) {
  const auto warning = [](const std::string& members,
                          const std::string& model = "claude-haiku-4-5") {
    const Events all = warnings(chat("", members, model));
    return all.empty() ? std::string() : all.front();
  };
  EXPECT_EQ(warning(R"("seed": 1)"),
            "warning:seed:`seed` is not honoured: it is unknown to this provider.");
  EXPECT_EQ(warning(R"("temperature": 1.5)"),
            "warning:temperature:`temperature` is not honoured: the highest is 1.");
  EXPECT_EQ(warning(R"("top_k": 1, "reasoning": {"effort": "low"})"),
            "warning:top_k:`top_k` is not honoured: the model does not accept it while it thinks.");
  EXPECT_EQ(warning(R"("max_output_tokens": 70000)"),
            "warning:max_output_tokens:`max_output_tokens` is not honoured: the model responds "
            "with at most 64000 tokens.");
  EXPECT_EQ(warning(R"("reasoning": {"effort": "low"})", "claude-3-5-haiku-latest"),
            "warning:reasoning:`reasoning` is not honoured: the model does not think.");
  EXPECT_EQ(warning(R"("max_output_tokens": 100, "reasoning": {"effort": "low"})"),
            "warning:reasoning:`reasoning` is not honoured: max_output_tokens leaves no room for "
            "it.");
  EXPECT_EQ(warning(R"("response_format": {"type": "json"}, "must": ["response_format"])"),
            "unsupported_parameter: `response_format` is not honoured: the API demands a schema.");
  EXPECT_EQ(warning(R"("tool_choice": {"mode": "required"})"),
            "warning:tool_choice:`tool_choice` is not honoured: there is no tool to call.");
}

// ---- Histories of other providers --------------------------------------------------------------

TEST(AnthropicRequest, ContinuesAConversationThatGeminiBegan) {
  EXPECT_EQ(messages(user(words("Draw")) + "," +
                     assistant(R"({"type": "reasoning", "text": "Hm.",
                             "metadata": {"google": {"thoughtSignature": "c2ln"}}},
                            {"type": "text", "text": "Here",
                             "metadata": {"google": {"thoughtSignature": "c2ln"}}},
                            {"type": "file", "media_type": "image/png", "data": "AA=="}, )" +
                               call("A1b2", "get.page",
                                    R"(, "metadata": {"google": {"thoughtSignature": "c2ln"}})")) +
                     "," + tool(result("A1b2"))),
            R"([{"role":"user","content":[)" + said("Draw") +
                R"(]},{"role":"assistant","content":[)" + said("Here") +
                R"(,{"type":"tool_use","id":"A1b2","name":"get_page","input":{}}]},{"role":"user",)"
                R"("content":[{"type":"tool_result","tool_use_id":"A1b2","content":"r"}]}])");
}

TEST(AnthropicRequest, ContinuesAConversationThatOpenAiBegan) {
  EXPECT_EQ(messages(user(words("Q")) + "," +
                     assistant(R"({"type": "reasoning", "text": "Hm."}, )" + call("functions.t:0") +
                               "," + call("functions:t.0")) +
                     "," + tool(result("functions.t:0") + "," + result("functions:t.0")))
                .find("functions_t_0\""),
            std::string(R"([{"role":"user","content":[{"type":"text","text":"Q"}]},)"
                        R"({"role":"assistant","content":[{"type":"tool_use","id":")")
                .size());
  const std::string sent =
      messages(user(words("Q")) + "," +
               assistant(call("a.b") + "," + call("a:b") + "," + call("a_b")) + "," +
               tool(result("a.b", R"("output": "1")") + "," + result("a:b", R"("output": "2")") +
                    "," + result("a_b", R"("output": "3")")));
  const Document document = testing::parse(sent);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < 3; ++i) {
    const Json use = document.root().at(1)["content"].at(i);
    const Json answer = document.root().at(2)["content"].at(i);
    EXPECT_EQ(use["id"].str(), answer["tool_use_id"].str());
    ids.emplace(use["id"].str());
  }
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids.count("a_b"), 1u);
}

TEST(AnthropicRequest, GivesCallsOfOneIdDifferentOnes) {
  const std::string turn = assistant(call("call_0") + "," + call("call_0")) + "," +
                           tool(result("call_0") + "," + result("call_0"));
  const Document sent = testing::parse(messages(user(words("Q")) + "," + turn + "," + turn));
  std::vector<std::string> calls, results;
  for (const Json message : sent.root()) {
    for (const Json block : message["content"]) {
      if (block["type"].str() == "tool_use") calls.emplace_back(block["id"].str());
      if (block["type"].str() == "tool_result") results.emplace_back(block["tool_use_id"].str());
    }
  }
  EXPECT_EQ(calls, (std::vector<std::string>{"call_0", "call_0-again-1", "call_0-again-2",
                                             "call_0-again-3"}));
  EXPECT_EQ(results, calls);
}

TEST(AnthropicRequest, KeepsItsOwnIds) {
  const std::string turn = assistant(call("toolu_1")) + "," + tool(result("toolu_1"));
  const std::string sent = messages(user(words("Q")) + "," + turn + "," + turn);
  EXPECT_EQ(sent.find("again"), std::string::npos) << sent;
}

TEST(AnthropicRequest, DoesNotThinkInAStepThatAnotherProviderBegan) {
  const std::string open = user(words("Q")) + "," + assistant(call("c")) + "," + tool(result("c"));
  const std::string wish = R"("reasoning": {"effort": "low"})";
  EXPECT_EQ(Gateway().sent(chat(open, wish), "thinking"), "");
  EXPECT_EQ(warnings(chat(open, wish)),
            Events{"warning:reasoning:`reasoning` is not honoured: the step that this request "
                   "continues has no thought of this provider."});
  EXPECT_EQ(Gateway().sent(chat(user(words("Q")) + "," + assistant(words("So")), wish), "thinking"),
            "")
      << "the API rejects thinking where the response has begun";
  EXPECT_NE(Gateway().sent(chat(open + "," + user(words("R")), wish), "thinking"), "");
}

TEST(AnthropicRequest, WarnsOfWhatAnotherProviderRanOrDrew) {
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

}  // namespace
}  // namespace gatehouse::plugins::anthropic
