#include "core/pipeline/order.h"

#include <gtest/gtest.h>

#include <list>
#include <sstream>

#include "gatehouse/abi.h"

namespace gatehouse::core {
namespace {

constexpr std::uint16_t kIngress = GH_PLUGIN_INGRESS,
                        kProvider = GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER, kChat = GH_PLUGIN_CHAT,
                        kGuard = GH_PLUGIN_GUARD | GH_PLUGIN_HEAD, kHead = GH_PLUGIN_HEAD,
                        kProbes = GH_PLUGIN_PROBES;
const When kChats{"/api/chat", {"POST"}}, kProbe{"/livez", {"GET"}};

struct OrderTest : testing::Test {
  /// The next plugin of the pipeline, in a line of its own.
  OrderTest& with(const std::string& name, std::optional<std::uint16_t> flags,
                  std::vector<When> routes = {}, std::optional<When> when = {}) {
    PluginEntry entry;
    entry.plugin = entry.instance = name;
    entry.when = std::move(when);
    entry.place = {"f", static_cast<int>(entries_.size()) + 1, 1};
    entries_.push_back(std::move(entry));
    pipeline_.push_back({entries_.back(), flags, std::move(routes)});
    return *this;
  }
  OrderTest& chat() { return with("chat", kIngress, {kChats}); }
  OrderTest& model() { return with("model", kProvider); }

  /// What is said about it, up to the remedy. The next one is another pipeline.
  std::string said() {
    Problems none, problems;
    check_order(*Config::parse("pipeline: [x]", "f", none), pipeline_, problems);
    std::ostringstream out;
    for (const Problem& p : problems.sorted()) {
      out << p.place.line << (p.is_warning ? " warning: " : ": ")
          << p.text.substr(0, p.text.find_first_of(":,")) << '\n';
    }
    pipeline_.clear();
    entries_.clear();
    return out.str();
  }

 private:
  std::list<PluginEntry> entries_;
  std::vector<Standing> pipeline_;
};

TEST_F(OrderTest, SaysNothingAboutAPipelineInItsOrder) {
  const std::string full = with("log", kHead)
                               .with("health", kProbes, {kProbe})
                               .with("limit", kGuard)
                               .chat()
                               .with("cache", kChat)
                               .model()
                               .said();
  EXPECT_EQ(full, "");
  EXPECT_EQ(with("health", kProbes, {kProbe}).said(), "");
}

TEST_F(OrderTest, SaysThatNobodyAnswersChats) {
  EXPECT_EQ(with("log", kHead).chat().said(), "2: no plugin below `chat` responds to its chats\n");
  EXPECT_EQ(model().chat().said(),
            "1 warning: `model` has no effect\n"
            "2: no plugin below `chat` responds to its chats\n");
  EXPECT_EQ(chat().with("model", kProvider, {}, When{"/other", {}}).said(),
            "1: no plugin below `chat` responds to its chats\n"
            "2 warning: `model` has no effect\n");
}

TEST_F(OrderTest, OnlyWarnsWhenSomebodyMayHaveLeftOutToSayThatItAnswers) {
  EXPECT_EQ(chat().with("cache", kChat).said(),
            "1 warning: no plugin below `chat` responds to its chats\n");
}

TEST_F(OrderTest, SaysThatAPluginIsNeverAsked) {
  EXPECT_EQ(chat().model().with("cache", kChat).with("second", kProvider).said(),
            "3 warning: `cache` has no effect\n"
            "4 warning: `second` has no effect\n");
  EXPECT_EQ(with("cache", kChat).chat().model().said(), "1 warning: `cache` has no effect\n");
  EXPECT_EQ(model().said(), "1 warning: `model` has no effect\n");
}

TEST_F(OrderTest, KnowsWhichRequestsAProviderLeavesToTheNext) {
  EXPECT_EQ(chat().with("one", kProvider, {}, When{"/api/c*", {}}).with("two", kProvider).said(),
            "3 warning: `two` has no effect\n");
  EXPECT_EQ(chat().with("one", kProvider, {}, When{"/v2/*", {}}).with("two", kProvider).said(),
            "2 warning: `one` has no effect\n");
  const std::vector<When> routes{kChats, {"/v2/chat", {"POST"}}};
  EXPECT_EQ(with("chat", kIngress, routes)
                .with("one", kProvider, {}, When{"/v2/*", {}})
                .with("two", kProvider)
                .said(),
            "");
  EXPECT_EQ(with("chat", kIngress, routes)
                .with("one", kProvider, {}, When{"/v2/*", {"PUT", "POST"}})
                .with("cache", kChat, {}, When{"/v2/chat", {}})
                .model()
                .said(),
            "3 warning: `cache` has no effect\n");
}

TEST_F(OrderTest, SaysThatRefusalsAndHeadersComeTooLate) {
  EXPECT_EQ(chat().with("limit", kGuard).with("cors", kHead).model().said(),
            "2 warning: `limit` sees chats too late\n"
            "3 warning: `cors` sees chats too late\n");
  EXPECT_EQ(chat().with("limit", kGuard, {}, When{"/api/tools*", {}}).model().said(), "");
  EXPECT_EQ(chat().with("limit", kGuard, {}, When{"/api/*", {"GET"}}).model().said(), "");
}

TEST_F(OrderTest, SaysThatProbesMayBeRefused) {
  EXPECT_EQ(with("limit", kGuard).with("health", kProbes, {kProbe}).said(),
            "2 warning: `health` serves probes\n");
  EXPECT_EQ(with("limit", kGuard, {}, When{"/api/*", {}}).with("health", kProbes, {kProbe}).said(),
            "");
}

TEST_F(OrderTest, SaysNothingAboutPluginsThatDoNotSayWhatTheyAre) {
  for (const std::optional<std::uint16_t> flags :
       {std::optional<std::uint16_t>(), std::optional<std::uint16_t>(0)}) {
    EXPECT_EQ(chat().with("theirs", flags).said(), "");
    EXPECT_EQ(with("theirs", flags, {{"/v1/chat", {"POST"}}}).with("cache", kChat).model().said(),
              "");
    EXPECT_EQ(
        with("theirs", flags).chat().with("theirs-too", flags).model().with("last", flags).said(),
        "");
  }
  EXPECT_EQ(with("theirs", 0).model().said(), "2 warning: `model` has no effect\n")
      << "it has no route by which a chat could come";
}

}  // namespace
}  // namespace gatehouse::core
