#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;

TEST(EchoModel, StreamsTheLastTextOfTheUser) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  const Answer a = h.ask(*plugin, R"({"model": "m", "messages": [
      {"role": "user", "content": [{"type": "text", "text": "Hello there"}]}]})");
  EXPECT_EQ(a.events, (Events{"step-start", "text:You", "text: said:", "text: Hello", "text: there",
                              "step-finish:stop"}));
}

TEST(EchoModel, RejectsFiles) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  const Answer a = h.ask(*plugin, R"({"model": "m", "messages": [{"role": "user", "content": [
      {"type": "file", "media_type": "image/png", "data": "AAAA"}]}]})");
  EXPECT_EQ(a.failure.code, "unsupported");
}

TEST(EchoModel, RejectsWhatMustBeHonouredAndIsNot) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  const Answer a = h.ask(*plugin, R"({"model": "m", "messages": [], "must": ["response_format"],
      "response_format": {"type": "json"}})");
  EXPECT_EQ(a.failure.code, "unsupported_parameter");
}

}  // namespace
