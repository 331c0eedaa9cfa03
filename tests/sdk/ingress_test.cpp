#include "gatehouse/toolkit/ingress.hpp"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "gatehouse/toolkit/api_caller.hpp"
#include "gatehouse/toolkit/backend_tools.hpp"
#include "gatehouse/toolkit/call_ids.hpp"
#include "gatehouse/toolkit/chat_message.hpp"
#include "gatehouse/toolkit/event_stream.hpp"
#include "gatehouse/toolkit/openai_error.hpp"
#include "gatehouse/toolkit/visible_events.hpp"

namespace {

using namespace gatehouse;

using gatehouse::testing::Answer;
using gatehouse::testing::emit;
using gatehouse::testing::Events;
using gatehouse::testing::Harness;
using gatehouse::testing::parse;
using gatehouse::testing::Recorder;
using gatehouse::testing::Request;

/// Runs a function as a plugin does its work.
template <class Work>
class Doing final : public Plugin {
 public:
  explicit Doing(Work work) : work_(std::move(work)) {}
  Status handle(Exchange& x, Sink& out, Next& next) override { return work_(x, out, next); }

 private:
  Work work_;
};

template <class Work>
Answer run(Harness& h, const Request& request, Work work) {
  Doing<Work> plugin(std::move(work));
  return h.run(plugin, request);
}

FailureReport report(int status, std::string code) {
  const Fail fail{status, std::move(code), "Message.", {}};
  return report_of(Failure(fail.raw()));
}

TEST(FailureCause, NeverBlamesTheCallersKeyForTheOperators) {
  const FailureReport refused = report(502, "upstream_key_refused");
  EXPECT_EQ(refused.cause, Cause::kUpstreamCredentials);
  EXPECT_EQ(refused.http_status, 502);
  EXPECT_TRUE(refused.is_retry_useless);
}

TEST(FailureCause, HasTheStatusOfTheseApis) {
  EXPECT_EQ(report(502, "upstream_refused").http_status, 400);
  EXPECT_EQ(report(413, "context_too_long").http_status, 400);
  EXPECT_EQ(report(413, "body_too_large").cause, Cause::kTooLarge);
  EXPECT_EQ(report(502, "upstream_model_unknown").http_status, 404);
  EXPECT_EQ(report(404, "not_found").cause, Cause::kNotFound);
  EXPECT_EQ(report(503, "shutting_down").cause, Cause::kOverloaded);
  EXPECT_EQ(report(502, "upstream_broken").cause, Cause::kUpstream);
  EXPECT_EQ(report(504, "upstream_timeout").cause, Cause::kTimeout);
  EXPECT_EQ(report(500, "plugin_error").cause, Cause::kInternal);
  EXPECT_EQ(report(415, "unsupported_media_type").http_status, 415);
}

TEST(FailureCause, ExpectsRetriesExceptWhereTheyAreInVain) {
  EXPECT_TRUE(report(401, "invalid_api_key").is_retry_useless);
  EXPECT_TRUE(report(429, "upstream_quota_used_up").is_retry_useless);
  EXPECT_FALSE(report(429, "rate_limited").is_retry_useless);
  EXPECT_FALSE(report(502, "upstream_error").is_retry_useless);
}

TEST(FailureCause, IsWrittenIntoTheHead) {
  Harness h;
  const Answer answer = run(h, {"POST", "/"}, [](Exchange& x, Sink& out, Next&) {
    report(502, "upstream_key_refused").write_head(x);
    return out.emit(event::bytes("x", true));
  });
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.header("x-should-retry"), "false");
}

std::string openai(Fail fail) { return openai_error(Failure(fail.raw())); }

TEST(OpenAiError, HasAllFourMembers) {
  const Harness binds_json;
  EXPECT_EQ(openai({503, "overloaded", "Busy.", {}}),
            R"({"error":{"message":"Busy.","type":"service_unavailable_error","param":null,)"
            R"("code":"overloaded"}})");
  EXPECT_EQ(openai({429, "rate_limited", "Slow.", {}}),
            R"({"error":{"message":"Slow.","type":"rate_limit_error","param":null,)"
            R"("code":"rate_limit_exceeded"}})");
  EXPECT_EQ(openai({404, "model_not_found", "No m.", {}}),
            R"({"error":{"message":"No m.","type":"invalid_request_error","param":"model",)"
            R"("code":"model_not_found"}})");
}

TEST(OpenAiError, NamesThePlaceThatTheMessageBeginsWith) {
  EXPECT_EQ(detail::place_in("messages[2].content[0].type must be text"),
            "messages[2].content[0].type");
  EXPECT_EQ(detail::place_in("messages[3]: each of the calls needs a result"), "messages[3]");
  EXPECT_EQ(detail::place_in("`response_format` is not honoured: no."), "response_format");
  EXPECT_EQ(detail::place_in("the body must be a JSON object"), "");
  EXPECT_EQ(detail::place_in("Gemini rejected the request."), "");
  EXPECT_EQ(detail::place_in(""), "");
}

TEST(ApiCaller, NeedsAKeyUnlessAnyoneMayCall) {
  Harness h;
  const auto check = [&](std::string key, bool anyone) {
    Request request("POST", "/");
    request.caller.key = std::move(key);
    return run(h, request,
               [anyone](Exchange& x, Sink& out, Next&) {
                 if (Status status = check_caller(x, anyone); !status) return status;
                 return out.emit(event::bytes("x", true));
               })
        .failure.code;
  };
  EXPECT_EQ(check("", false), "invalid_api_key");
  EXPECT_EQ(check("team-a", false), "");
  EXPECT_EQ(check("", true), "");
}

TEST(ApiCaller, ReportsAnyoneWhereOtherMachinesReachTheGateway) {
  Harness h;
  EXPECT_TRUE(lets_anyone(h.host(), h.json(R"({"anyone": true})")));
  EXPECT_TRUE(h.problems.empty());
  h.expose();
  EXPECT_FALSE(lets_anyone(h.host(), h.json("{}")));
  EXPECT_TRUE(h.problems.empty());
  EXPECT_TRUE(lets_anyone(h.host(), h.json(R"({"anyone": true})")));
  EXPECT_EQ(h.problems.size(), 1u);
}

TEST(BackendTools, AreThoseOfTheHeaderExceptTheClientsOwn) {
  Harness h;
  Request request("POST", "/");
  request.headers = {{"X-Gatehouse-Tools", " files_read, own,,web_search ,"}};
  const auto written = [&] {
    std::string text;
    (void)run(h, request, [&text](Exchange& x, Sink& out, Next&) {
      MutableJson chat = x.make_chat();
      chat.edit("tools").push().edit("name").set("own");
      announce_backend_tools(x, chat);
      chat.erase(chat["tools"]);
      text = chat.dump();
      return out.emit(event::bytes("x", true));
    });
    return text;
  };
  EXPECT_EQ(written(), R"({"hidden_tools":true,"backend_tools":["files_read","web_search"]})");
  request.headers.clear();
  EXPECT_EQ(written(), R"({"hidden_tools":true})");
}

struct Visible {
  Events events;
  std::string reason;
};
Visible visible(View chat, const Events& events) {
  const Document document = parse(chat);
  Recorder recorder;
  VisibleEvents sink(recorder, document.root());
  EXPECT_TRUE(emit(sink, events));
  auto reason = sink.finish_reason();
  return {recorder.events, reason ? std::string(*reason) : "failed"};
}

TEST(VisibleEvents, HideTheToolsOfTheGatewayAndOfTheProvider) {
  const Harness binds_json;
  const Visible v = visible(
      "{}", {"step-start", "text:a", "tool-input-start+dynamic:1:t", "tool-input-delta:1:{}",
             "tool-call+dynamic:1:t:{}", "tool-output+dynamic:1:{}",
             "tool-call+provider-executed:2:s:{}", "tool-output+provider-executed:2:{}",
             "step-finish:tool-calls", "step-start", "text:b", "step-finish:stop"});
  EXPECT_EQ(v.events, (Events{"step-start", "text:a", "step-finish:tool-calls", "step-start",
                              "text:b", "step-finish:stop"}));
  EXPECT_EQ(v.reason, "stop");
}

TEST(VisibleEvents, ReportToolCallsOnlyIfTheClientHasSome) {
  const Harness binds_json;
  const auto reason = [](const Events& events) { return visible("{}", events).reason; };
  EXPECT_EQ(reason({"step-start", "tool-call:1:t:{}", "step-finish:tool-calls"}), "tool-calls");
  EXPECT_EQ(reason({"step-start", "tool-call:1:t:{}", "step-finish:stop"}), "tool-calls");
  EXPECT_EQ(reason({"step-start", "tool-call:1:t:{}", "step-finish:length"}), "length");
  EXPECT_EQ(reason({"step-start", "tool-call+dynamic:1:t:{}", "step-finish:tool-calls"}), "stop");
  EXPECT_EQ(reason({"step-start", "text:a", "step-finish:error"}), "failed");
  EXPECT_EQ(reason({"step-start", "tool-call:1:t:{}"}), "tool-calls");
  EXPECT_EQ(reason({"step-start", "step-finish:length", "step-start", "text:a"}), "stop");
}

TEST(VisibleEvents, HaveOneCallInAStepWithoutParallelCalls) {
  const Harness binds_json;
  const Events step = {"step-start",           "tool-input-start:1:t",  "tool-input-delta:1:{",
                       "tool-input-start:2:t", "tool-input-delta:2:{}", "tool-input-delta:1:}",
                       "tool-call:1:t:{}",     "tool-call:2:t:{}",      "step-finish:tool-calls"};
  EXPECT_EQ(visible(R"({"parallel_tool_calls": true})", step).events, step);
  EXPECT_EQ(visible(R"({"parallel_tool_calls": false})", step).events,
            (Events{"step-start", "tool-input-start:1:t", "tool-input-delta:1:{",
                    "tool-input-delta:1:}", "tool-call:1:t:{}", "step-finish:tool-calls"}));
}

TEST(Base64Url, ReturnsWhatItWasMadeOf) {
  EXPECT_EQ(to_base64url("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(to_base64url("f"), "Zg");
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
  EXPECT_FALSE(from_base64url("a+b"));
  EXPECT_FALSE(from_base64url("Zg=="));
}

/// What becomes of the metadata of a call when a client returns nothing but its id.
struct Returned {
  std::string for_client, call;
};
Returned returned(Harness& h, View id, View metadata) {
  const CallIds ids(h.host());
  Returned out;
  (void)run(h, {"POST", "/"}, [&](Exchange& x, Sink& sink, Next&) {
    const Document given = parse(metadata), call = parse("{}");
    out.for_client = ids.id_for_client(x, id, given.root());
    ids.read(x, out.for_client, call.root());
    out.call = call.root().dump();
    EXPECT_EQ(CallIds::id_from_client(out.for_client), id);
    return sink.emit(event::bytes("x", true));
  });
  return out;
}

TEST(CallIds, BringMetadataBack) {
  Harness h;
  const Returned r = returned(h, "abc_1", R"({"google":{"thoughtSignature":"c2ln+/="}})");
  EXPECT_EQ(r.call, R"({"id":"abc_1","metadata":{"google":{"thoughtSignature":"c2ln+/="}}})");
  EXPECT_EQ(r.for_client.find_first_not_of(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"),
            std::string::npos);
  EXPECT_TRUE(h.store.empty());
}

TEST(CallIds, AreThoseOfTheProviderWithoutMetadata) {
  Harness h;
  EXPECT_EQ(returned(h, "functions.a:0", "{}").for_client, "functions.a:0");
  EXPECT_EQ(returned(h, "functions.a:0", "{}").call, R"({"id":"functions.a:0"})");
}

TEST(CallIds, KeepLongMetadataInTheStore) {
  Harness h;
  const std::string metadata =
      R"({"google":{"thoughtSignature":")" + std::string(9000, 'x') + "\"}}";
  const Returned r = returned(h, "abc", metadata);
  EXPECT_LT(r.for_client.size(), 40u);
  EXPECT_EQ(r.call, R"({"id":"abc","metadata":)" + metadata + "}");
  EXPECT_EQ(h.store.size(), 1u);

  h.store_down = true;
  EXPECT_EQ(returned(h, "abc", metadata).call, R"({"id":"abc"})");
}

TEST(CallIds, TakeForeignIdsAsTheyAre) {
  Harness h;
  const CallIds ids(h.host());
  (void)run(h, {"POST", "/"}, [&](Exchange& x, Sink& out, Next&) {
    for (const View id : {"", "_md_", "a_mk_b", "x_md_zz", "call_abc"}) {
      const Document call = parse("{}");
      ids.read(x, id, call.root());
      EXPECT_EQ(call.root()["id"].str(), id);
      EXPECT_FALSE(call.root()["metadata"]) << id;
    }
    for (const View id : {"a_md_eyJ!", "a_md_eyJx", "a_mk_0123456789abcdef"}) {
      const Document call = parse("{}");
      ids.read(x, id, call.root());
      EXPECT_FALSE(call.root()["metadata"]) << id;
    }
    return out.emit(event::bytes("x", true));
  });
}

TEST(EventStream, SendsEventsAsOnePiece) {
  Harness h;
  const Answer answer = run(h, {"POST", "/"}, [](Exchange& x, Sink& out, Next&) {
    EventStream::write_head(x);
    EventStream stream(out);
    stream.begin("ping").open('{').member("a", true).close('}');
    stream.end();
    stream.begin().open('{').close('}');
    stream.end();
    if (Status status = stream.send(); !status) return status;
    stream.begin();
    stream.clear();
    stream.append("data: [DONE]\n\n");
    return stream.send(true);
  });
  EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(answer.heartbeat, ": keep-alive\n\n");
  EXPECT_EQ(answer.events, (Events{"bytes:event: ping\ndata: {\"a\":true}\n\ndata: {}\n\n",
                                   "bytes+last:data: [DONE]\n\n"}));
}

TEST(ChatMessage, ExistsOnceItHasAPart) {
  const Harness binds_json;
  const Document messages = parse("[]");
  ChatMessage user(messages.root(), "user");
  EXPECT_EQ(messages.root().dump(), "[]");
  user.add_text("a");
  user.add("file").edit("name").set("b");
  EXPECT_EQ(
      messages.root().dump(),
      R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"file","name":"b"}]}])");
}

std::string file_of(View url, View media_type) {
  const Document content = parse("\"\""), file = parse("{}");
  content.root().set(url);
  write_file(content.root(), media_type, file.root());
  return file.root().dump();
}

TEST(ChatMessage, HasFilesFromAnyUrl) {
  const Harness binds_json;
  EXPECT_EQ(file_of("data:image/png;base64,aGk=", "image/jpeg"),
            R"({"data":"aGk=","media_type":"image/png"})");
  EXPECT_EQ(file_of("data:,hi", "text/plain"), R"({"data":"aGk=","media_type":"text/plain"})");
  EXPECT_EQ(file_of("aGk=", "image/*"), R"({"data":"aGk=","media_type":"image/jpeg"})");
  EXPECT_EQ(file_of("https://a/b", "image"), R"({"url":"https://a/b","media_type":"image/jpeg"})");
}

TEST(ChatMessage, KnowsMediaTypesByExtensions) {
  EXPECT_EQ(media_type_of("https://a/b.PNG?size=2", "image/*"), "image/png");
  EXPECT_EQ(media_type_of("https://a/b", "image/*"), "image/*");
  EXPECT_EQ(media_type_of("https://png/x", "image/*"), "image/*");
  EXPECT_EQ(media_type_of("https://a/png", "image/*"), "image/*");
}

}  // namespace
