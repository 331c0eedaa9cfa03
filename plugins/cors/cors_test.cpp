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
constexpr const char* kExposed =
    "*, x-request-id, request-id, retry-after, retry-after-ms, x-should-retry";

Answer preflight(Harness& h, Plugin& cors, Headers headers) {
  Request request("OPTIONS", "/api/chat");
  request.headers = std::move(headers);
  request.headers.emplace_back("Access-Control-Request-Method", "POST");
  return h.run(cors, request);
}

/// The headers that a preflight allows after a page of `origin` has asked for `headers`.
std::string allowed(Harness& h, Plugin& cors, const char* origin, const std::string& headers) {
  return preflight(h, cors, {{"Origin", origin}, {"Access-Control-Request-Headers", headers}})
      .header("Access-Control-Allow-Headers");
}

TEST(Cors, RespondsToAPreflightBeforeAnyPluginBelow) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  const Answer answer = preflight(h, cors, {{"Origin", kExtension}});
  EXPECT_EQ(answer.status, 204);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.headers, (Headers{{"Vary", "Origin"},
                                     {"Access-Control-Allow-Origin", kExtension},
                                     {"Access-Control-Expose-Headers", kExposed},
                                     {"Access-Control-Allow-Methods", "GET, POST, DELETE"},
                                     {"Access-Control-Max-Age", "600"}}));
  EXPECT_EQ(h.next_calls, 0);
}

TEST(Cors, AllowsTheHeadersThatAPageAsksFor) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  for (const char* headers :
       {"content-type,user-agent,x-extension-id", "traceparent, baggage", "X-My!Header",
        "authorization,openai-organization,x-stainless-retry-count", "anthropic-version,x-api-key"})
    EXPECT_EQ(allowed(h, cors, kExtension, headers), headers);
  const std::string longest(1024, 'a');
  EXPECT_EQ(allowed(h, cors, kExtension, longest), longest);
}

TEST(Cors, AllowsNoHeadersThatNoBrowserAsksFor) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  for (const std::string& headers :
       {std::string("a: b"), std::string("\"a\""), std::string("a b"), std::string("a,,b"),
        std::string("a,"), std::string("\xc3\xa9"), std::string(1025, 'a')})
    EXPECT_EQ(allowed(h, cors, kExtension, headers), "") << headers;
  EXPECT_EQ(allowed(h, cors, "https://evil.example", "a"), "");
}

TEST(Cors, AllowsThePrivateNetworkToPagesThatAskForIt) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  const Headers headers = {{"Origin", kExtension},
                           {"Access-Control-Request-Private-Network", "true"}};
  EXPECT_EQ(preflight(h, cors, headers).header("Access-Control-Allow-Private-Network"), "true");
}

TEST(Cors, RejectsOtherOriginsWithoutAnyGrant) {
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

TEST(Cors, LetsAnExtensionReadResponsesAndErrors) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  h.next = testing::in_turn(
      {testing::answer("hi"),
       testing::fails({401, "extension_id_required", "Extension ID is required", {}})});
  for (const int status : {200, 401}) {
    const Answer answer = h.post(cors, "/api/chat", "{}", {{"Origin", kExtension}});
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), kExtension);
    EXPECT_EQ(answer.header("Access-Control-Expose-Headers"), kExposed);
    EXPECT_EQ(answer.header("Vary"), "Origin");
  }
}

TEST(Cors, NeverAllowsCredentials) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  h.next = testing::answer("hi");
  const Headers headers = {{"Origin", kExtension}};
  for (const Answer& answer : {preflight(h, cors, headers), h.get(cors, "/", headers)})
    EXPECT_EQ(answer.header("Access-Control-Allow-Credentials"), "");
}

TEST(Cors, LetsAnAllowedPageReadWhyTheServerRejectsIt) {
  Harness h;
  Cors cors(h.host(), h.config("{}"));
  Request request("POST", "/api/chat");
  const auto headers = [&](Headers sent) {
    request.headers = std::move(sent);
    return h.refused(cors, request, {503, "overloaded", "Busy.", {}}).headers;
  };
  EXPECT_EQ(headers({}), (Headers{{"Vary", "Origin"}}));
  EXPECT_EQ(headers({{"Origin", "https://evil.example"}}), (Headers{{"Vary", "Origin"}}));
  EXPECT_EQ(headers({{"Origin", kExtension}}),
            (Headers{{"Vary", "Origin"},
                     {"Access-Control-Allow-Origin", kExtension},
                     {"Access-Control-Expose-Headers", kExposed}}));
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

TEST(Cors, ReportsEntriesThatAreNotOrigins) {
  Harness h;
  Cors cors(h.host(), h.config(R"({"origins": ["*", "https://app.example/", "https://*.example",
                                               "app.example", "HTTPS://app.example", "null"]})"));
  ASSERT_EQ(h.problems.size(), 6u);
  EXPECT_EQ(h.problems[0],
            "/origins/0: not an origin: write scheme://host[:port] in lower case, or "
            "chrome-extension://* for every Chrome extension");
  EXPECT_EQ(h.problems[5].substr(0, h.problems[5].find(':')), "/origins/5");
}

}  // namespace
}  // namespace gatehouse::plugins::cors
