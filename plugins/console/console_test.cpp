#include "console.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "page_files.h"

namespace gatehouse::plugins::console {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Harness;

constexpr const char* kChat =
    R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "SECRET"}]}]})";

/// Nobody has looked yet.
struct UnwatchedTest : ::testing::Test {
  Harness h;
  Console console{h.host(), h.config("{}")};

  Document get(const char* path) { return testing::parse(h.admin(console, "GET", path).body); }
};
struct ConsoleTest : UnwatchedTest {
  ConsoleTest() { (void)get("/requests.json"); }
};

TEST_F(ConsoleTest, ServesItsFilesWithAStrictPolicy) {
  const Answer page = h.admin(console, "GET", "/");
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(page.header("Content-Security-Policy").find("default-src 'self'"), std::string::npos);
  EXPECT_EQ(page.header("Content-Security-Policy").find("unsafe"), std::string::npos);
  for (const PageFile& file : kPageFiles)
    EXPECT_EQ(h.admin(console, "GET", file.path).body, file.content) << file.path;
  EXPECT_EQ(h.admin(console, "GET", "/console.css").header("Content-Type"),
            "text/css; charset=utf-8");
  EXPECT_EQ(h.admin(console, "GET", "/main.js").header("Content-Type"),
            "text/javascript; charset=utf-8");
}

TEST_F(ConsoleTest, HasNoAddressOfAnotherMachineInItsFiles) {
  for (const PageFile& file : kPageFiles) {
    EXPECT_EQ(file.content.find("https://"), View::npos) << file.path;
    EXPECT_EQ(file.content.find("style="), View::npos) << file.path << ": the policy forbids it";
  }
}

TEST_F(ConsoleTest, RemembersHowARequestEnded) {
  h.next = [this](Exchange& x, Sink& out) {
    x.set_caller({"team-a", "ada", "laptop"});
    x.notes().edit("model").set("m");
    h.advance(250500us);
    return x.reply(out, 200, "text/plain", "ok");
  };
  h.get(console, "/path?query=1");
  const Document all = get("/requests.json");
  const Json request = all.root().at(0);
  EXPECT_EQ(request["number"].integer(), 1);
  EXPECT_EQ(request["path"].str(), "/path");
  EXPECT_EQ(request["status"].integer(), 200);
  EXPECT_EQ(request["outcome"].str(), "ok");
  EXPECT_EQ(request["ms"].real(), 250.5);
  EXPECT_EQ(request["tenant"].str(), "team-a");
  EXPECT_EQ(request["key"].str(), "laptop");
  EXPECT_EQ(request["notes"]["model"].str(), "m");
  EXPECT_FALSE(request["chat"].boolean());
}

TEST_F(ConsoleTest, RemembersWhyARequestFailed) {
  h.next = testing::fails({429, "rate_limited", "Slow down.", "team-a had 100"});
  h.get(console, "/");
  const Document all = get("/requests.json");
  EXPECT_EQ(all.root().at(0)["outcome"].str(), "failed");
  EXPECT_EQ(all.root().at(0)["code"].str(), "rate_limited");
  EXPECT_EQ(all.root().at(0)["detail"].str(), "team-a had 100");
}

TEST_F(ConsoleTest, KeepsTheTimesOfChatsAlone) {
  h.timing = "chat;dur=0.500, model;dur=80.000";
  h.next = testing::answer("hi");
  h.ask(console, kChat);
  const Document all = get("/requests.json");
  EXPECT_EQ(all.root().at(0)["self_ms"].dump(), R"({"chat":0.5,"model":80})");
  EXPECT_EQ(get("/history.json").root()["chats"].at(359).integer(), 1);
}

TEST_F(ConsoleTest, KeepsNoContent) {
  h.next = testing::events({"step-start", "text:SECRET", "step-finish:stop"});
  h.ask(console, kChat);
  EXPECT_EQ(h.admin(console, "GET", "/requests.json").body.find("SECRET"), std::string::npos);
}

TEST_F(UnwatchedTest, RecordsFailuresAlone) {
  h.next = testing::answer("hi");
  h.get(console, "/passed");
  h.next = testing::fails({502, "upstream_error", "It failed.", {}});
  h.get(console, "/failed");
  const Document all = get("/requests.json");
  ASSERT_EQ(all.root().size(), 1u);
  EXPECT_EQ(all.root().at(0)["path"].str(), "/failed");
  EXPECT_EQ(get("/history.json").root()["requests"].at(359).integer(), 2) << "the charts have all";
}

TEST_F(UnwatchedTest, AnyLookBeginsAnHourInWhichAllRequestsAreRecorded) {
  h.next = testing::answer("hi");
  std::size_t recorded = 0;
  for (const char* path : {"/", "/requests.json", "/history.json", "/live"}) {
    h.admin(console, "GET", path);
    h.advance(59min);
    h.get(console, "/watched");
    h.advance(1min);
    h.get(console, "/unwatched");
    EXPECT_EQ(get("/requests.json").root().size(), ++recorded) << path;
    h.advance(1h);
  }
}

TEST(ConsoleContent, IsKeptIfItIsAllowed) {
  Harness h;
  Console console(h.host(), h.config(R"({"content": true})"));
  h.admin(console, "GET", "/requests.json");
  h.next = testing::events({"step-start", "text:Hello", "step-finish:stop"});
  h.ask(console, kChat);
  const Document all = testing::parse(h.admin(console, "GET", "/requests.json").body);
  EXPECT_EQ(all.root().at(0)["prompt"].str(), "SECRET");
}

TEST_F(ConsoleTest, BoundsWhatItKeepsOfARequest) {
  const std::string longest(100'000, 'x');
  h.next = [&](Exchange& x, Sink&) -> Status {
    x.notes().edit("model").set(View(longest));
    x.set_caller({longest, longest, longest});
    return Fail{500, longest, "It failed.", longest};
  };
  h.get(console, "/" + longest);
  EXPECT_LT(h.admin(console, "GET", "/requests.json").body.size(), 4096u);
}

TEST_F(ConsoleTest, LeavesOutLongNotes) {
  h.next = [](Exchange& x, Sink& out) {
    x.notes().edit("model").set("m");
    for (int i = 0; i < 300; ++i) x.notes().edit("small").push().edit("n").set(i);
    return x.reply(out, 200, "text/plain", "ok");
  };
  h.get(console, "/");
  const Document all = get("/requests.json");
  EXPECT_EQ(all.root().at(0)["notes"].dump(), R"({"left_out":"the notes are too long"})");
}

TEST_F(ConsoleTest, StreamsRequestsAsTheyEnd) {
  h.next = testing::answer("hi");
  h.get(console, "/first");
  h.get(console, "/second");
  const Answer stream = h.admin(console, "GET", "/live?after=1");
  EXPECT_EQ(stream.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(stream.body.find("/first"), std::string::npos);
  EXPECT_NE(stream.body.find("id: 2\ndata: {\"number\":2"), std::string::npos);
  EXPECT_TRUE(stream.complete);  // after a while, for the pipeline that it keeps
}

TEST_F(ConsoleTest, KeepsWhatItKnowsOverAReload) {
  h.next = testing::answer("hi");
  h.get(console, "/first");
  Harness reloaded;
  Console next(reloaded.host(), reloaded.config("{}"));
  next.adopt(console);
  EXPECT_NE(reloaded.admin(next, "GET", "/requests.json").body.find("/first"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::plugins::console
