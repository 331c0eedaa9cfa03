#include "completions.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse;
using gatehouse::plugins::completions::Completions;
using gatehouse::testing::Answer;
using gatehouse::testing::emit;
using gatehouse::testing::Events;
using gatehouse::testing::events;
using gatehouse::testing::fails;
using gatehouse::testing::Harness;
using gatehouse::testing::NextFunction;
using gatehouse::testing::parse;
using gatehouse::testing::Request;

constexpr auto kBody = R"({"model": "m", "messages": [{"role": "user", "content": "?"}]})";
constexpr auto kStream =
    R"({"model": "m", "stream": true, "messages": [{"role": "user", "content": "?"}]})";
constexpr auto kUsage = R"({"model": "m", "stream": true, "stream_options": {"include_usage": true},
                            "messages": [{"role": "user", "content": "?"}]})";

/// A client of one gateway.
struct Client {
  explicit Client(View config = "{}") : plugin(h.host(), h.config(config)) { h.be_strict(); }

  Answer ask(const std::string& body, NextFunction next) {
    h.next = std::move(next);
    Request request("POST", "/v1/chat/completions");
    request.headers = {{"Content-Type", "application/json"}};
    request.body = body;
    request.caller.key = key;
    return h.run(plugin, request);
  }
  Answer ask(const std::string& body, const Events& lines) { return ask(body, events(lines)); }

  /// The deltas of a stream, each as JSON text; `finish:REASON`, `usage:{...}`, `error:{...}` and
  /// [DONE].
  static Events deltas(const Answer& answer) {
    Events out;
    View rest = answer.body;
    while (!rest.empty()) {
      const View line = rest.substr(0, rest.find("\n\n"));
      rest.remove_prefix(std::min(rest.size(), line.size() + 2));
      const View data = line.substr(View("data: ").size());
      if (data == "[DONE]") {
        out.emplace_back(data);
        continue;
      }
      const Document chunk = parse(data);
      const Json root = chunk.root(), choice = root["choices"].at(0);
      if (root["error"]) out.push_back("error:" + root["error"]["code"].dump());
      if (choice["delta"].size() > 0) out.push_back(choice["delta"].dump());
      if (choice["finish_reason"].is_string())
        out.push_back("finish:" + std::string(choice["finish_reason"].str()));
      if (root["usage"].is_object()) out.push_back("usage:" + root["usage"].dump());
    }
    return out;
  }

  Harness h;
  Completions plugin;
  std::string key = "team-a";
};

const std::string kRole = R"({"role":"assistant","content":"","refusal":null})";

TEST(Completions, RespondInOnePiece) {
  Client client;
  const Answer answer =
      client.ask(kBody, {"step-start", "reasoning:Hm", "text:Hel", "text:lo",
                         R"(usage:{"input_tokens":10,"output_tokens":5,"reasoning_tokens":2})",
                         "step-finish:stop"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  const Document body = parse(answer.body);
  EXPECT_EQ(body.root()["id"].str().substr(0, 9), "chatcmpl-");
  body.root().erase(body.root()["id"]);
  EXPECT_EQ(
      body.root().dump(),
      R"({"object":"chat.completion","created":1735689600,"model":"m","choices":[{"index":0,)"
      R"("message":{"role":"assistant","content":"Hello","refusal":null,"reasoning_content":"Hm"},)"
      R"("logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,)"
      R"("completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":0},)"
      R"("completion_tokens_details":{"reasoning_tokens":2}}})");
}

TEST(Completions, HaveTheModelThatAPluginBelowHasChosen) {
  Client client;
  const Answer answer = client.ask(kBody, [](Exchange& x, Sink& out) {
    x.chat().edit("model").set("chosen");
    Status status = emit(out, {"step-start", "text:x", "step-finish:stop"});
    x.chat().edit("model").set("m");
    return status;
  });
  EXPECT_EQ(parse(answer.body).root()["model"].str(), "chosen");
}

TEST(Completions, HaveNoContentBesideCallsOnly) {
  Client client;
  const auto message = [&](const Events& lines) {
    const Document body = parse(client.ask(kBody, lines).body);
    return body.root()["choices"].at(0)["message"].dump();
  };
  EXPECT_EQ(message({"step-start", "step-finish:stop"}),
            R"({"role":"assistant","content":"","refusal":null})");
  EXPECT_EQ(message({"step-start", R"(tool-call:1:a:{"q":1})", "step-finish:tool-calls"}),
            R"({"role":"assistant","content":null,"refusal":null,"tool_calls":[)"
            R"({"id":"1","type":"function","function":{"name":"a","arguments":"{\"q\":1}"}}]})");
}

TEST(Completions, StreamEachEventAtOnce) {
  Client client;
  const Answer answer = client.ask(kStream, {"step-start", "reasoning:Hm", "text:Hel", "text:lo",
                                             "usage:{\"input_tokens\":1}", "step-finish:length"});
  EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(Client::deltas(answer),
            (Events{kRole, R"({"reasoning_content":"Hm"})", R"({"content":"Hel"})",
                    R"({"content":"lo"})", "finish:length", "[DONE]"}));
  EXPECT_EQ(answer.events.size(), 4u);  // three events of the model, and the end
}

TEST(Completions, HaveTheSameIdInAllChunks) {
  Client client;
  const Answer answer = client.ask(kStream, {"step-start", "text:a", "text:b", "step-finish:stop"});
  const std::string head = answer.body.substr(0, answer.body.find(",\"choices\""));
  EXPECT_NE(head.find(R"("object":"chat.completion.chunk","created":1735689600,"model":"m")"),
            head.npos);
  std::size_t count = 0;
  for (std::size_t at = answer.body.find(head); at != answer.body.npos;
       at = answer.body.find(head, at + 1))
    ++count;
  EXPECT_EQ(count, 4u);
}

TEST(Completions, HaveUsageAtTheEndOfAStreamThatAsksForIt) {
  Client client;
  const Events lines = {"step-start", "text:a",
                        R"(usage:{"input_tokens":3,"output_tokens":4,"cached_input_tokens":2})",
                        "step-finish:stop"};
  EXPECT_EQ(Client::deltas(client.ask(kUsage, lines)),
            (Events{kRole, R"({"content":"a"})", "finish:stop",
                    R"(usage:{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,)"
                    R"("prompt_tokens_details":{"cached_tokens":2},)"
                    R"("completion_tokens_details":{"reasoning_tokens":0}})",
                    "[DONE]"}));
  EXPECT_EQ(client.ask(kStream, lines).body.find("usage"), std::string::npos);
}

constexpr auto kWithTools = R"({"model": "m", "stream": true,
    "messages": [{"role": "user", "content": "?"}], "tools": [
    {"type": "function", "function": {"name": "a"}},
    {"type": "function", "function": {"name": "b"}}]})";

/// The delta of a call with this index.
std::string call(int index, const std::string& members) {
  return R"({"tool_calls":[{"index":)" + std::to_string(index) + "," + members + "}]}";
}

TEST(Completions, StreamCallsWithTheirArguments) {
  Client client;
  EXPECT_EQ(
      Client::deltas(client.ask(
          kWithTools, {"step-start", "tool-input-start:x:a",
                       "tool-input-delta:x:{\"q\":", "tool-input-delta:x:1", "tool-input-delta:x:}",
                       "tool-call:x:a:{\"q\":1}", "tool-call:y:b:{}", "step-finish:tool-calls"})),
      (Events{kRole,
              call(0, R"("id":"x","type":"function","function":{"name":"a","arguments":""})"),
              call(0, R"("function":{"arguments":"{\"q\":1"})"),
              call(0, R"("function":{"arguments":"}"})"),
              call(1, R"("id":"y","type":"function","function":{"name":"b","arguments":""})"),
              call(1, R"("function":{"arguments":"{}"})"), "finish:tool_calls", "[DONE]"}));
}

TEST(Completions, PutSignaturesIntoTheIdsOfCalls) {
  Client client;
  const Events lines = {"step-start", R"(tool-call:x:a:{} @{"google":{"thoughtSignature":"s"}})",
                        "step-finish:tool-calls"};
  const std::string extra = R"("extra_content":{"google":{"thought_signature":"s"}})";
  const Answer stream = client.ask(kWithTools, lines), plain = client.ask(kBody, lines);
  for (const std::string& body : {stream.body, plain.body}) {
    EXPECT_NE(body.find(R"("id":"x_md_eyJ)"), std::string::npos);
    EXPECT_NE(body.find(extra), std::string::npos);
  }
  EXPECT_EQ(Client::deltas(stream).at(3), call(0, R"("function":{"arguments":""},)" + extra));
}

TEST(Completions, ShowOneResponseOfAllSteps) {
  Client client;
  EXPECT_EQ(
      Client::deltas(client.ask(
          kUsage,
          {"step-start", "text:a", "tool-call+dynamic:1:t:{}", "tool-output+dynamic:1:{}",
           R"(usage:{"input_tokens":1,"output_tokens":1})", "step-finish:tool-calls", "step-start",
           "text:b", R"(usage:{"input_tokens":2,"output_tokens":2})", "step-finish:stop"})),
      (Events{kRole, R"({"content":"a"})", R"({"content":"b"})", "finish:stop",
              R"(usage:{"prompt_tokens":3,"completion_tokens":3,"total_tokens":6,)"
              R"("prompt_tokens_details":{"cached_tokens":0},)"
              R"("completion_tokens_details":{"reasoning_tokens":0}})",
              "[DONE]"}));
}

TEST(Completions, KeepReasoningToThemselvesIfConfigured) {
  Client client(R"({"send_reasoning": false})");
  const Events lines = {"step-start", "reasoning:Hm", "text:a", "step-finish:stop"};
  EXPECT_EQ(client.ask(kStream, lines).body.find("Hm"), std::string::npos);
  EXPECT_EQ(client.ask(kBody, lines).body.find("Hm"), std::string::npos);
}

TEST(Completions, LeaveAFailureBeforeTheFirstEventItsStatus) {
  Client client;
  for (const auto* const body : {kBody, kStream}) {
    const Answer answer = client.ask(body, fails({503, "upstream_unavailable", "Busy.", {}}));
    EXPECT_EQ(answer.failure.code, "upstream_unavailable");
    EXPECT_EQ(answer.body, "");
  }
}

TEST(Completions, EndAStreamThatFailsWithAnError) {
  Client client;
  const auto breaks = [](Exchange&, Sink& out) -> Status {
    if (Status status = emit(out, {"step-start", "text:a"}); !status) return status;
    return Fail{502, "upstream_broken", "It broke off.", {}};
  };
  EXPECT_EQ(Client::deltas(client.ask(kStream, breaks)),
            (Events{kRole, R"({"content":"a"})", "error:\"upstream_broken\""}));
  const Answer plain = client.ask(kBody, breaks);
  EXPECT_EQ(plain.status, 502);
  EXPECT_EQ(plain.body, "");
}

TEST(Completions, AreEmptyWhenTheModelHasSaidNothing) {
  Client client;
  const auto empty = fails({502, "upstream_empty", "The model sent an empty response.", {}});
  EXPECT_EQ(parse(client.ask(kBody, empty).body).root()["choices"].at(0)["message"].dump(),
            R"({"role":"assistant","content":"","refusal":null})");
  EXPECT_EQ(Client::deltas(client.ask(kStream, empty)), (Events{kRole, "finish:stop", "[DONE]"}));
}

TEST(Completions, EndWhenTheModelGivesNoReason) {
  Client client;
  const auto unfinished = [](Exchange&, Sink& out) -> Status {
    if (Status status = emit(out, {"step-start", "text:a"}); !status) return status;
    return Fail{502, "upstream_unfinished", "It broke off.", {}};
  };
  EXPECT_EQ(Client::deltas(client.ask(kStream, unfinished)),
            (Events{kRole, R"({"content":"a"})", "finish:stop", "[DONE]"}));
}

TEST(Completions, FailWhenTheModelEndsWithAnError) {
  Client client;
  const Events lines = {"step-start", "text:a", "step-finish:error"};
  EXPECT_EQ(client.ask(kBody, lines).failure.code, "upstream_malformed");
  EXPECT_EQ(Client::deltas(client.ask(kStream, lines)).back(), "error:\"upstream_malformed\"");
}

TEST(Completions, RejectAResponseThatIsTooLongForOnePiece) {
  Client client;
  const Answer answer = client.ask(kBody, [](Exchange&, Sink& out) -> Status {
    if (Status status = out.emit(event::step_start()); !status) return status;
    const std::string text(1 << 20, 'x');
    for (int i = 0; i < 17; ++i) {
      if (Status status = out.emit(event::text(text)); !status) return status;
    }
    return out.emit(event::step_finish("stop"));
  });
  EXPECT_EQ(answer.failure.code, "response_too_large");
}

TEST(Completions, NeedAKeyBeforeAnythingElse) {
  Client client;
  client.key = "";
  EXPECT_EQ(client.ask("not JSON", fails({})).failure.code, "invalid_api_key");
  Client anyone(R"({"anyone": true})");
  anyone.key = "";
  EXPECT_EQ(anyone.ask("not JSON", fails({})).failure.code, "invalid_json");
}

TEST(Completions, PassWhatIsAskedForOn) {
  Client client;
  const std::string body = R"({"model": "m", "messages": [{"role": "user", "content": "?"}],
                               "parallel_tool_calls": false})";
  client.ask(body, {"step-start", "step-finish:stop"});
  EXPECT_EQ(client.h.chats.at(0),
            R"({"model":"m","parallel_tool_calls":false,"messages":[{"role":"user",)"
            R"("content":[{"type":"text","text":"?"}]}],"hidden_tools":true})");
}

TEST(Completions, WriteFailuresBelowV1) {
  Harness h;
  const Completions plugin(h.host(), h.config("{}"));
  const Answer answer =
      h.failed({"GET", "/v1/other"}, {502, "upstream_key_refused", "Its key is rejected.", {}});
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.header("x-should-retry"), "false");
  EXPECT_EQ(answer.body,
            R"({"error":{"message":"Its key is rejected.","type":"server_error","param":null,)"
            R"("code":"upstream_key_refused"}})");
}

TEST(Completions, LeaveOtherRequestsAlone) {
  Harness h;
  Completions plugin(h.host(), h.config("{}"));
  h.next = gatehouse::testing::answer("someone else");
  EXPECT_EQ(h.get(plugin, "/other").body, "someone else");
}

}  // namespace
