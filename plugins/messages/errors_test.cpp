#include "errors.h"

#include <gtest/gtest.h>

#include "messages_testing.h"

namespace gatehouse::plugins::messages {
namespace {

using namespace messages_testing;
using namespace std::chrono_literals;

Answer failed(const Fail& why, View path = "/v1/messages", Headers headers = {}) {
  Gateway gateway;
  Request request("POST", path);
  request.headers = std::move(headers);
  return gateway.h.failed(request, why);
}

std::string body(View type, View message, View more = {}) {
  return std::string(R"({"type":"error","error":{"type":")")
      .append(type)
      .append(R"(","message":")")
      .append(message)
      .append("\"")
      .append(more)
      .append(R"(},"request_id":"request-1"})");
}

TEST(MessagesErrors, HaveTheTypeAndStatusOfTheirCause) {
  struct Case {
    int given;
    const char* code;
    int status;
    const char* type;
  };
  const Case cases[] = {
      {400, "invalid_request", 400, "invalid_request_error"},
      {400, "unsupported_parameter", 400, "invalid_request_error"},
      {401, "invalid_api_key", 401, "authentication_error"},
      {403, "forbidden", 403, "permission_error"},
      {404, "model_not_found", 404, "not_found_error"},
      {404, "not_found", 404, "not_found_error"},
      {405, "method_not_allowed", 405, "invalid_request_error"},
      {413, "body_too_large", 413, "request_too_large"},
      {429, "rate_limited", 429, "rate_limit_error"},
      {500, "plugin_error", 500, "api_error"},
      {502, "upstream_refused", 400, "invalid_request_error"},
      {502, "upstream_key_refused", 502, "api_error"},
      {502, "upstream_error", 502, "api_error"},
      {503, "upstream_unavailable", 529, "overloaded_error"},
      {503, "shutting_down", 529, "overloaded_error"},
      {504, "upstream_timeout", 504, "timeout_error"},
  };
  for (const Case& c : cases) {
    const Answer answer = failed({c.given, c.code, "Why.", "a secret of the log"});
    EXPECT_EQ(answer.status, c.status) << c.code;
    EXPECT_EQ(answer.body, body(c.type, "Why.")) << c.code;
    EXPECT_EQ(answer.header("request-id"), "request-1");
  }
}

TEST(MessagesErrors, TellClientsWhenARetryIsUseless) {
  EXPECT_EQ(failed({401, "invalid_api_key", "Why.", {}}).header("x-should-retry"), "false");
  EXPECT_EQ(failed({502, "upstream_key_refused", "Why.", {}}).header("x-should-retry"), "false");
  EXPECT_EQ(failed({502, "upstream_error", "Why.", {}}).header("x-should-retry"), "");
}

TEST(MessagesErrors, TellClientsWhenToRetry) {
  const Answer answer = failed({429, "rate_limited", "Why.", {}, 1500ms});
  EXPECT_EQ(answer.header("retry-after-ms"), "1500");
  EXPECT_EQ(failed({429, "rate_limited", "Why.", {}}).header("retry-after-ms"), "");
}

TEST(MessagesErrors, HaveTheWordsByWhichAgentsCompactAConversation) {
  EXPECT_EQ(failed({413, "context_too_long", "Start a new one.", {}}).body,
            body("invalid_request_error", "prompt is too long: Start a new one."));
}

TEST(MessagesErrors, HaveTheDetailsOfAnUnsupportedThread) {
  EXPECT_EQ(failed({400, "thread_unsupported_request", "Why.", {}}).body,
            body("invalid_request_error", "Why.",
                 R"(,"details":{"error_code":"thread_unsupported_request",)"
                 R"("unsupported":["server_held_threads"]})"));
}

TEST(MessagesErrors, AreThoseOfAllRoutesOfTheApi) {
  const Fail why{404, "not_found", "Why.", {}};
  for (const View path : {"/v1/messages/count_tokens", "/v1/messages/batches"})
    EXPECT_EQ(failed(why, path).body, body("not_found_error", "Why.")) << path;
  EXPECT_EQ(failed(why, "/v1/models", {{"anthropic-version", "2023-06-01"}}).body,
            body("not_found_error", "Why."));
  EXPECT_ANY_THROW(failed(why, "/v1/models"));
}

}  // namespace
}  // namespace gatehouse::plugins::messages
