#include "core/exchange/exchange.h"

#include <gtest/gtest.h>

#include <set>

#include "core/exchange/turn.h"
#include "core/host/tables.h"
#include "gatehouse/text.hpp"
#include "tests/core/request.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

std::string_view answer_header(const Exchange& x, std::string_view name) {
  for (const auto& [key, value] : x.answer_headers()) {
    if (key == name) return value;
  }
  return {};
}

TEST(Exchange, HeadersOfOneNameAreJoined) {
  Request r("GET /", "X-A: 1\r\nX-B:\r\nx-a: 2\r\nX-A:\r\n");
  EXPECT_EQ(r.x.header("x-A"), "1, 2, ");
  EXPECT_EQ(r.x.header("X-B"), "");
  EXPECT_TRUE(r.x.header("X-B").data()) << "an empty header is there";
  EXPECT_FALSE(r.x.header("X-C").data()) << "an absent one is not";
}

TEST(Exchange, AHarmlessRequestIdOfTheClientIsKeptAndSentBack) {
  Request r("GET /", "X-Request-Id: abc_DEF-1.2\r\n");
  EXPECT_EQ(r.x.request_id(), "abc_DEF-1.2");
  EXPECT_EQ(answer_header(r.x, "X-Request-Id"), "abc_DEF-1.2");
}

TEST(Exchange, AnyOtherRequestIdIsReplacedByOneThatIsUnique) {
  std::set<std::string> ids;
  for (const std::string& given : {std::string(), std::string("a b"), std::string("a\"b"),
                                   std::string("\xc3\xa4"), std::string(65, 'a')}) {
    Request r("GET /", given.empty() ? "" : "X-Request-Id: " + given + "\r\n");
    EXPECT_EQ(r.x.request_id().size(), 17u) << given;
    EXPECT_EQ(answer_header(r.x, "X-Request-Id"), r.x.request_id());
    ids.insert(r.x.request_id());
  }
  EXPECT_EQ(ids.size(), 5u);
  Request longest("GET /", "X-Request-Id: " + std::string(64, 'a') + "\r\n");
  EXPECT_EQ(longest.x.request_id(), std::string(64, 'a'));
}

TEST(Exchange, TheTraceOfTheCallerGoesOnWithASpanOfItsOwn) {
  Request r("GET /",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: "
            "a=1\r\ntracestate: b=2\r\n");
  const std::string& parent = r.x.trace().parent;
  ASSERT_EQ(parent.size(), 55u);
  EXPECT_EQ(parent.substr(0, 36), "00-0af7651916cd43dd8448eb211c80319c-");
  EXPECT_NE(parent.substr(36, 16), "b7ad6b7169203331");
  EXPECT_EQ(parent.substr(52), "-01");
  EXPECT_EQ(r.x.trace().state, "a=1, b=2");
  EXPECT_EQ(view(exchange_table().field(&r.x, GH_TRACE)), parent);

  Request long_state(
      "GET /",
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=" +
          std::string(511, 'x') + "\r\n");
  EXPECT_EQ(long_state.x.trace().state, "");
}

TEST(Exchange, ATracingPluginMaySetTheTraceOfUpstreamCalls) {
  constexpr const char* kOwn = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
  Request r("GET /");
  EXPECT_EQ(trace_table().set(&r.x, raw(kOwn)), GH_OK);
  EXPECT_EQ(view(exchange_table().field(&r.x, GH_TRACE)), kOwn);
  EXPECT_EQ(trace_table().set(&r.x, raw("00-0af7651916cd43dd8448eb211c80319c-1-01")), GH_INVALID);
  EXPECT_EQ(r.x.trace().parent, kOwn);
}

TEST(Exchange, WithoutAValidTraceANewOneBegins) {
  std::set<std::string> traces;
  for (const char* given : {"", "00", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333x-01",
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
                            "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01ff"}) {
    Request r("GET /", std::string("traceparent: ") + given + "\r\ntracestate: a=1\r\n");
    const std::string& parent = r.x.trace().parent;
    ASSERT_EQ(parent.size(), 55u);
    EXPECT_EQ(parent.substr(0, 3), "00-");
    EXPECT_EQ(parent.find_first_not_of("0123456789abcdef-"), parent.npos) << parent;
    EXPECT_EQ(parent.substr(52), "-00") << given;
    EXPECT_EQ(r.x.trace().state, "") << given;
    traces.insert(parent.substr(3, 32));
  }
  EXPECT_EQ(traces.size(), 11u);
}

TEST(Exchange, WorkBesideARequestBelongsToItsTrace) {
  Request r("GET /", "X-Request-Id: abc\r\n"), end;
  Exchange work(r.x, end.client, end.end.waiter());
  EXPECT_EQ(work.request_id(), "abc");
  EXPECT_EQ(work.trace().parent, r.x.trace().parent);
}

TEST(Exchange, TwoRequestIdsAreNone) {
  const auto r = std::make_unique<Request>(
      "GET /", "X-Request-Id: a\r\nX-Request-Id: b\r\n");  // not on a stack that is clean by chance
  EXPECT_EQ(r->x.request_id().size(), 17u);
}

TEST(Exchange, AnAnswerHeaderIsReplacedInAnyCase) {
  Request r;
  EXPECT_TRUE(r.x.set_header("Retry-After", "1"));
  EXPECT_TRUE(r.x.set_header("retry-after", "2"));
  EXPECT_EQ(answer_header(r.x, "Retry-After"), "2");
  r.x.remove_header("RETRY-AFTER");
  EXPECT_FALSE(answer_header(r.x, "Retry-After").data());
}

TEST(Exchange, IllegalAnswerHeadersAreRefused) {
  Request r;
  for (const char* name : {"", "a b", "a:", "a\r\n", "\xc3\xa4", "(a)"})
    EXPECT_FALSE(r.x.set_header(name, "x")) << name;
  for (const char* value : {"a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\x01", "a\x7f"})
    EXPECT_FALSE(r.x.set_header("X", value)) << value;
  EXPECT_FALSE(r.x.set_header("X", std::string_view("a\0b", 3)));
  EXPECT_TRUE(r.x.set_header("X", "\ttab, \xc3\xa4"));
  EXPECT_EQ(r.x.answer_headers().size(), 2u);
}

TEST(Exchange, TheHeadersThatTheServerWritesItselfAreRefused) {
  Request r;
  for (const char* name : {"Connection", "content-length", "Date", "Transfer-Encoding"})
    EXPECT_FALSE(r.x.set_header(name, "5")) << name;
}

TEST(Exchange, AHeaderThatCameTooLateIsRefused) {
  Request r;
  r.client.head_left = true;
  EXPECT_FALSE(r.x.set_header("X", "y"));
}

constexpr const char* kJson = "Content-Type: application/json\r\n";

TEST(Exchange, ABodyIsReadAndParsedOnce) {
  Request r("POST /", kJson);
  r.client.request_body = R"({"a": 1})";
  gh_json *first = nullptr, *second = nullptr;
  ASSERT_EQ(r.x.json(first), GH_OK);
  ASSERT_EQ(r.x.json(second), GH_OK);
  EXPECT_EQ(first, second);
  EXPECT_EQ(r.client.body_reads, 1);
}

TEST(Exchange, TheBytesOfABodyAreGivenBackWithJsonUnlessTheyWereAskedForBefore) {
  std::string_view bytes;
  gh_json* json = nullptr;
  Request json_first("POST /", kJson);
  json_first.client.request_body = R"({"a": "b"})";
  ASSERT_EQ(json_first.x.json(json), GH_OK);
  EXPECT_EQ(json_first.x.body(bytes), GH_ABSENT);
  EXPECT_EQ(json_first.x.failure(), std::nullopt);

  Request body_first("POST /", kJson);
  body_first.client.request_body = R"({"a": "b"})";
  ASSERT_EQ(body_first.x.body(bytes), GH_OK);
  ASSERT_EQ(body_first.x.json(json), GH_OK);
  EXPECT_EQ(bytes, R"({"a": "b"})") << "a view stays good";
  EXPECT_EQ(body_first.x.body(bytes), GH_OK);
}

TEST(Exchange, ALargeBodyWaitsForItsTurnToBeParsed) {
  ClientEnd others;
  const Turn all(1u << 30, others.waiter());
  gh_json* json = nullptr;
  Request large("POST /", kJson, Clock::now() + 50ms), small("POST /", kJson);
  large.client.request_body = "[" + std::string(2u << 20, ' ') + "]";
  EXPECT_EQ(large.x.json(json), GH_CANCELLED);
  EXPECT_FALSE(large.x.failure());
  small.client.request_body = "[]";
  EXPECT_EQ(small.x.json(json), GH_OK);
}

TEST(Exchange, ABodyThatIsNoJsonFailsWithoutQuotingIt) {
  Request r("POST /", kJson);
  r.client.request_body = R"({"secret": )";
  gh_json* json = nullptr;
  EXPECT_EQ(r.x.json(json), GH_FAILED);
  ASSERT_TRUE(r.x.failure());
  EXPECT_EQ(r.x.failure()->http_status, 400);
  EXPECT_EQ(r.x.failure()->code, "invalid_json");
  EXPECT_EQ(r.x.failure()->message.find("secret"), std::string::npos);

  std::string_view bytes;
  EXPECT_EQ(r.x.body(bytes), GH_ABSENT);
  EXPECT_EQ(r.x.json(json), GH_FAILED) << "as before: the body is read once";
  EXPECT_EQ(r.client.body_reads, 1);
}

TEST(Exchange, ABodyThatDidNotComeFailsAsTheClientSideSays) {
  Request r("POST /", kJson);
  r.client.body_failure = Failure{413, "body_too_large", "The request body is too large.", {}};
  gh_json* json = nullptr;
  EXPECT_EQ(r.x.json(json), GH_FAILED);
  ASSERT_TRUE(r.x.failure());
  EXPECT_EQ(r.x.failure()->http_status, 413);
}

TEST(Exchange, JsonIsUtf8AndNotCompressedAndSaysSo) {
  const auto status = [](const char* fields) {
    Request r("POST /", fields);
    r.client.request_body = "{}";
    gh_json* json = nullptr;
    return r.x.json(json) == GH_OK ? 200 : r.x.failure()->http_status;
  };
  for (const char* good : {kJson, "Content-Type: APPLICATION/JSON; CHARSET=UTF-8\r\n",
                           "Content-Type: application/json ;version=1; charset=\"utf-8\"\r\n",
                           "Content-Type: application/json\r\nContent-Encoding: identity\r\n"}) {
    EXPECT_EQ(status(good), 200) << good;
  }
  for (const char* bad :
       {"", "Content-Type:\r\n", "Content-Type: text/plain\r\n",
        "Content-Type: application/json-seq\r\n",
        "Content-Type: application/json; charset=utf-16\r\n",
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
        "Content-Type: application/json\r\nContent-Encoding: identity, gzip\r\n"}) {
    EXPECT_EQ(status(bad), 415) << bad;
  }
}

TEST(Exchange, AFailureStaysUntilItIsClearedOrReplaced) {
  Request r;
  EXPECT_EQ(r.x.raw_failure(), nullptr);
  EXPECT_EQ(r.x.fail({503, "first", "One.", "detail"}), GH_FAILED);
  EXPECT_EQ(r.x.fail({504, "second", "Two.", {}}), GH_FAILED);
  const gh_failure* raw = r.x.raw_failure();
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->http_status, 504);
  EXPECT_EQ(view(raw->code), "second");
  EXPECT_EQ(view(raw->message), "Two.");
  EXPECT_EQ(view(raw->detail), "");
  r.x.clear_failure();
  EXPECT_EQ(r.x.raw_failure(), nullptr);
}

TEST(Exchange, AFailureMayBeMadeOfItself) {
  Request r;
  r.x.fail({503, "code", "A message longer than what a string keeps inside itself.", {}});
  EXPECT_EQ(exchange_table().fail(&r.x, r.x.raw_failure()), GH_FAILED);
  EXPECT_EQ(r.x.failure()->message, "A message longer than what a string keeps inside itself.");
}

TEST(Exchange, AFailureIsAlwaysAnHttpError) {
  Request r;
  r.x.fail({200, "a", "b", {}});
  EXPECT_EQ(r.x.failure()->http_status, 400);
  r.x.fail({1000, "a", "b", {}});
  EXPECT_EQ(r.x.failure()->http_status, 599);
}

TEST(Exchange, SaysWhyToStop) {
  EXPECT_EQ(Request().x.cancelled(), GH_OK);
  EXPECT_EQ(Request("GET /", {}, Clock::now()).x.cancelled(), GH_CANCELLED);
  Request left;
  left.end.leave();
  EXPECT_EQ(left.x.cancelled(), GH_STOP);
}

TEST(Exchange, TheTableShowsTheRequest) {
  Request r("POST /a?b=c", "X-A: 1\r\n");
  const gh_exchange_api& api = exchange_table();
  EXPECT_EQ(view(api.field(&r.x, GH_METHOD)), "POST");
  EXPECT_EQ(view(api.field(&r.x, GH_PATH)), "/a");
  EXPECT_EQ(view(api.field(&r.x, GH_QUERY)), "b=c");
  EXPECT_EQ(view(api.field(&r.x, GH_PEER)), "192.0.2.1");
  EXPECT_EQ(view(api.field(&r.x, GH_REQUEST_ID)), r.x.request_id());
  EXPECT_EQ(api.field(&r.x, 99).p, nullptr);

  gh_str name{}, value{};
  EXPECT_EQ(api.header_at(&r.x, 1, &name, &value), GH_OK);
  EXPECT_EQ(view(name), "X-A");
  EXPECT_EQ(view(value), "1");
  EXPECT_EQ(api.header_at(&r.x, 1, nullptr, nullptr), GH_OK);
  EXPECT_EQ(api.header_at(&r.x, 2, &name, &value), GH_ABSENT);
}

TEST(Exchange, TheTableKeepsTheAnswerLegal) {
  Request r;
  const gh_exchange_api& api = exchange_table();
  EXPECT_EQ(api.status(&r.x), 200);
  api.set_status(&r.x, 101);
  EXPECT_EQ(api.status(&r.x), 200);
  api.set_status(&r.x, 1000);
  EXPECT_EQ(api.status(&r.x), 599);
  r.client.head_left = true;
  api.set_status(&r.x, 200);
  EXPECT_EQ(api.status(&r.x), 599) << "the status has been sent";
  r.client.head_left = false;

  EXPECT_EQ(api.set_header(&r.x, raw("X"), raw("y")), GH_OK);
  EXPECT_EQ(api.set_header(&r.x, raw("X"), raw("y\n")), GH_INVALID);
  EXPECT_EQ(answer_header(r.x, "X"), "y");
  EXPECT_EQ(api.set_header(&r.x, raw("X"), {nullptr, 0}), GH_OK);
  EXPECT_FALSE(answer_header(r.x, "X").data());
}

/// A layer for Exchange::frame, which only compares its address.
const Frame* layer(const int& address) { return reinterpret_cast<const Frame*>(&address); }

TEST(Exchange, OutlivesItsClientAsLongAsOneLayerWantsIt) {
  Request r;
  const int outer = 0, inner = 0;
  bool outer_wants = true, inner_wants = true;
  r.x.frame = layer(outer);
  r.x.outlive([&] { return outer_wants; });
  r.x.frame = layer(inner);
  r.x.outlive([&] { return inner_wants; });
  EXPECT_TRUE(r.client.wanted());
  outer_wants = false;
  EXPECT_TRUE(r.client.wanted());
  inner_wants = false;
  EXPECT_FALSE(r.client.wanted());
}

TEST(Exchange, ALayerThatNoLongerSharesLeavesTheOthersTheirs) {
  Request r;
  const int outer = 0, inner = 0;
  r.x.frame = layer(outer);
  r.x.outlive([] { return true; });
  r.x.frame = layer(inner);
  r.x.outlive([] { return false; });
  r.x.outlive([] { return false; });
  r.x.outlive({});
  EXPECT_TRUE(r.client.wanted());
  r.x.frame = layer(outer);
  r.x.outlive({});
  EXPECT_FALSE(r.client.wanted) << "nobody shares it";
}

TEST(Exchange, TheChatDocumentIsThereOnceItIsMade) {
  Request r;
  const gh_exchange_api& api = exchange_table();
  EXPECT_EQ(api.chat(&r.x, 0), nullptr);
  gh_json* const chat = api.chat(&r.x, 1);
  EXPECT_TRUE(chat);
  EXPECT_EQ(api.chat(&r.x, 0), chat);
  EXPECT_EQ(api.chat(&r.x, 1), chat);
  EXPECT_EQ(json_api().type(api.notes(&r.x)), GH_OBJECT);
}

}  // namespace
}  // namespace gatehouse::core
