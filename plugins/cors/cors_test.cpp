#include "cors.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::cors {
namespace {

using testing::Answer;
using testing::Harness;
using testing::Headers;
using testing::Request;

constexpr const char* kExtension = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";

Answer preflight(Harness& h, Plugin& cors, Headers headers) {
  Request request("OPTIONS", "/api/chat");
  request.headers = std::move(headers);
  request.headers.emplace_back("Access-Control-Request-Method", "POST");
  return h.run(cors, request);
}

TEST(Cors, GrantsAPreflightOfAnExtensionBeforeAnythingCosts) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  const Answer answer = preflight(h, cors, {{"Origin", kExtension}});
  EXPECT_EQ(answer.status, 204);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), kExtension);
  EXPECT_EQ(answer.header("Access-Control-Allow-Methods"), "GET, POST");
  EXPECT_EQ(answer.header("Access-Control-Allow-Headers"),
            "Content-Type, Authorization, X-Extension-ID, X-Extension-Version, Cache-Control, "
            "X-Server-Timing, "
            "X-Gatehouse-Timestamp, X-Gatehouse-Nonce, X-Gatehouse-Signature");
  EXPECT_EQ(answer.header("Access-Control-Max-Age"), "600");
  EXPECT_EQ(answer.header("Access-Control-Allow-Private-Network"), "");
  EXPECT_EQ(h.next_calls, 0);
}

TEST(Cors, GrantsTheHeadersThatAnAllowedPageAsksFor) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  for (const char* asked :
       {"content-type,user-agent,x-extension-id", "traceparent, baggage", "X-My!Header"}) {
    EXPECT_EQ(
        preflight(h, cors, {{"Origin", kExtension}, {"Access-Control-Request-Headers", asked}})
            .header("Access-Control-Allow-Headers"),
        asked);
  }
}

TEST(Cors, RepeatsNoHeadersThatNoBrowserAsksFor) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  const std::string usual =
      preflight(h, cors, {{"Origin", kExtension}}).header("Access-Control-Allow-Headers");
  for (const std::string& asked : {std::string("a: b"), std::string("\"a\""),
                                   std::string("\xc3\xa9"), std::string(1025, 'a')}) {
    EXPECT_EQ(
        preflight(h, cors, {{"Origin", kExtension}, {"Access-Control-Request-Headers", asked}})
            .header("Access-Control-Allow-Headers"),
        usual);
  }
  EXPECT_EQ(preflight(h, cors,
                      {{"Origin", "https://evil.example"}, {"Access-Control-Request-Headers", "a"}})
                .header("Access-Control-Allow-Headers"),
            "");
}

TEST(Cors, GrantsThePrivateNetworkOnlyToThoseWhoAsk) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  const Headers headers = {{"Origin", kExtension},
                           {"Access-Control-Request-Private-Network", "true"}};
  EXPECT_EQ(preflight(h, cors, headers).header("Access-Control-Allow-Private-Network"), "true");
}

TEST(Cors, RefusesForeignOriginsWithoutAnyGrant) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  for (const char* origin : {"https://evil.example", "null", "", "chrome-extension.evil.example",
                             "https://chrome-extension://", "moz-extension://abc"}) {
    for (const Answer& answer :
         {preflight(h, cors, {{"Origin", origin}}), h.get(cors, "/health", {{"Origin", origin}})}) {
      EXPECT_EQ(answer.status, 403) << origin;
      EXPECT_EQ(answer.failure.code, "origin_not_allowed");
      EXPECT_EQ(answer.headers, (Headers{{"Vary", "Origin"}}));
    }
  }
  EXPECT_EQ(h.next_calls, 0);
}

TEST(Cors, LetsAnExtensionReadAnswersAndRefusals) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  for (const int status : {200, 401}) {
    h.next =
        status == 200
            ? testing::answer("hi")
            : testing::fails({status, "extension_id_required", "Extension ID is required", {}});
    const Answer answer = h.post(cors, "/api/chat", "{}", {{"Origin", kExtension}});
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), kExtension);
    EXPECT_EQ(
        answer.header("Access-Control-Expose-Headers"),
        "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, X-Cache, Age, Server-Timing");
    EXPECT_EQ(answer.header("Vary"), "Origin");
  }
}

TEST(Cors, LetsAnAllowedPageReadWhatTheServerRefuses) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  Request request("POST", "/api/chat");
  EXPECT_EQ(h.refused(cors, request, {503, "overloaded", "Busy.", {}}).headers,
            (Headers{{"Vary", "Origin"}}));
  request.headers = {{"Origin", "https://evil.example"}};
  EXPECT_EQ(h.refused(cors, request, {503, "overloaded", "Busy.", {}}).headers,
            (Headers{{"Vary", "Origin"}}));
  request.headers = {{"Origin", kExtension}};
  const Answer answer = h.refused(cors, request, {503, "overloaded", "Busy.", {}});
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), kExtension);
  EXPECT_NE(answer.header("Access-Control-Expose-Headers").find("Retry-After"), std::string::npos);
}

TEST(Cors, PassesRequestsWithoutOrigin) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  h.next = testing::answer("hi");
  const Answer answer = h.get(cors, "/health");
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(answer.header("Vary"), "Origin");
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "");
}

TEST(Cors, AllowsExactlyTheOriginsOfTheConfiguration) {
  Harness h;
  Cors cors(h.host(), h.config(R"({"origins": ["https://app.example", "http://localhost:5173"]})"));
  h.next = testing::answer("hi");
  EXPECT_EQ(h.get(cors, "/", {{"Origin", "https://app.example"}}).status, 200);
  EXPECT_EQ(h.get(cors, "/", {{"Origin", "http://localhost:5173"}}).status, 200);
  EXPECT_EQ(h.get(cors, "/", {{"Origin", "http://localhost"}}).status, 403);
  EXPECT_EQ(h.get(cors, "/", {{"Origin", "https://app.example.evil.example"}}).status, 403);
  EXPECT_EQ(h.get(cors, "/", {{"Origin", kExtension}}).status, 403);
}

TEST(Cors, TellsWhichEntriesAreNoOrigins) {
  Harness h;
  Cors cors(
      h.host(),
      h.config(
          R"({"origins": ["*", "https://app.example/", "https://*.example", "app.example", "HTTPS://app.example", "null"]})"));
  ASSERT_EQ(h.problems.size(), 6u);
  EXPECT_EQ(h.problems[0],
            "/origins/0: this is no origin: write scheme://host[:port] in lower case, or "
            "chrome-extension://*");
  EXPECT_EQ(h.problems[5].substr(0, h.problems[5].find(':')), "/origins/5");
}

}  // namespace
}  // namespace gatehouse::plugins::cors
