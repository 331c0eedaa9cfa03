// A host of the next minor version, whose structs have one member more than those that the plugins
// were built with: the harness and the loader, compiled with the headers of next_headers.py.
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <map>

#include "gatehouse/testing.hpp"

namespace {

using namespace std::chrono_literals;
using namespace gatehouse::testing;

static_assert(GH_ABI_MINOR == 1 && offsetof(gh_plugin, later) == 120,
              "compiled with the headers of today");

constexpr char kChat[] = R"({"model": "m", "messages": []})";
const std::filesystem::path kPlugins = PLUGINS;

std::unique_ptr<gatehouse::Plugin> shipped(Harness& h, const std::string& name,
                                           gatehouse::View config = "{}") {
  return h.load(kPlugins / (name + ".so"), config);
}

TEST(NextHost, LoadsEachShippedPlugin) {
  const std::map<std::string, std::string> configs = {
      {"anthropic", R"({"api_key": "k"})"},
      {"gemini", R"({"api_key": "k"})"},
      {"keys", R"({"file": "keys.jsonl"})"},
      {"models", R"({"names": {"m": "p/m"}})"},
      {"traces", R"({"endpoint": "http://collector.example/v1/traces"})"},
      {"workflows", R"({"file": "w.yaml"})"}};
  int loaded = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kPlugins)) {
    Harness h;
    h.files["w.yaml"] = R"({"workflows": {}})";
    h.files["keys.jsonl"] = "";
    const auto config = configs.find(entry.path().stem());
    const auto plugin = h.load(entry.path(), config == configs.end() ? "{}" : config->second);
    EXPECT_EQ(h.problems, std::vector<std::string>()) << entry.path();
    ++loaded;
  }
  EXPECT_GE(loaded, 17);
}

TEST(NextHost, GetsAResponseOfAPluginInC) {
  Harness h;
  h.be_strict();
  const auto stamp = h.load(STAMP, R"({"value": "seen"})");
  h.next = answer("hi");
  const Answer a = h.get(*stamp, "/");
  EXPECT_EQ(a.header("X-Stamp"), "seen");
  EXPECT_EQ(a.body, "hi");
}

TEST(NextHost, GetsResponsesAndFailuresOfAPluginInCpp) {
  Harness h;
  h.be_strict();
  const auto hello = h.load(HELLO, R"({"greeting": "Hi"})");
  EXPECT_EQ(h.get(*hello, "/hello?Ada").body, "Hi, Ada!\n");
  EXPECT_EQ(h.get(*hello, "/hello").failure.code, "name_missing");
}

TEST(NextHost, GivesItsFailureToAPluginThatReadsIt) {
  Harness h;
  h.be_strict();
  const auto retry = shipped(h, "retry");
  h.next = in_turn({fails({503, "overloaded", "x", {}, 7s, GH_FAIL_TRANSIENT}), answer("hi")});
  EXPECT_EQ(h.ask(*retry, kChat).text, "hi");
  ASSERT_EQ(h.sleeps.size(), 1u);
  EXPECT_GE(h.sleeps[0], 7s);
}

TEST(NextHost, TakesTheSinkOfAnIngress) {
  Harness h;
  h.be_strict();
  const auto chat = shipped(h, "chat");
  h.next = events({"step-start", "text:Hello", "step-finish:stop"});
  const Answer a = h.post(*chat, "/api/chat",
                          R"({"messages": [{"id": "1", "role": "user",
                              "parts": [{"type": "text", "text": "Hi"}]}]})");
  EXPECT_NE(a.body.find(R"("delta":"Hello")"), std::string::npos) << a.body;
}

TEST(NextHost, FillsInEventsAndQuotasOfToday) {
  Harness h;
  h.be_strict();
  const auto gemini = shipped(h, "gemini", R"({"api_key": "k"})");
  h.upstream.push(sse({R"({"candidates": [{"content": {"parts": [{"text": "Hello"}]},
                           "finishReason": "STOP"}]})"}));
  const Answer a = h.ask(*gemini, R"({"model": "gemini-2.5-flash", "messages": [
      {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})");
  EXPECT_EQ(a.text, "Hello") << a.failure.code << " " << a.failure.detail;

  const auto throttler = shipped(h, "throttler");
  h.next = answer("hi");
  EXPECT_EQ(h.get(*throttler, "/").body, "hi");
}

// The other direction: a plugin of this version in a host of today.
TEST(NextFacade, TakesWhatAFailureOfAnOlderHostHas) {
  gh_failure older{};
  older.size = offsetof(gh_failure, retry_after_ns);
  older.http_status = 429;
  older.retry_after_ns = 7;  // what follows the struct in memory
  older.flags = GH_FAIL_TRANSIENT;
  const gatehouse::Failure failure(older);
  EXPECT_EQ(failure.http_status(), 429);
  EXPECT_EQ(failure.retry_after(), 0ns);
  EXPECT_FALSE(failure.has(GH_FAIL_TRANSIENT));
}

}  // namespace
