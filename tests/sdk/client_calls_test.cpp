#include "gatehouse/toolkit/client_calls.hpp"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse;

using gatehouse::testing::Answer;
using gatehouse::testing::Events;
using gatehouse::testing::Harness;

/// Passes on what ClientCalls makes of the events of `h.next`.
class Calling final : public Plugin {
 public:
  explicit Calling(Host host) : ids_(host) {}

  Status handle(Exchange& x, Sink& out, Next& next) override {
    ClientCalls calls(out, x, ids_);
    Status status = next(x, calls);
    return status ? calls.end("tool-calls") : std::move(status);
  }

 private:
  const CallIds ids_;
};

Answer run(const Events& events) {
  Harness h;
  Calling plugin(h.host());
  h.next = gatehouse::testing::events(events);
  return h.ask(plugin, R"({"model": "m", "messages": [], "tools": [{"name": "a"}]})");
}

TEST(ClientCalls, AddsWhatTheProviderLeftOut) {
  EXPECT_EQ(run({"step-start", R"(tool-call:1:a:{"n":1})"}).events,
            (Events{"step-start", "tool-input-start:1:a", R"(tool-input-delta:1:{"n":1})",
                    R"(tool-call:1:a:{"n":1})"}));
}

TEST(ClientCalls, BeginsWithTheSecondPiece) {
  EXPECT_EQ(run({"step-start", "tool-input-start:1:a", "tool-input-delta:1:{",
                 R"(tool-input-delta:1:"n")", "tool-input-delta:1::1}", R"(tool-call:1:a:{"n":1})"})
                .events,
            (Events{"step-start", "tool-input-start:1:a", R"(tool-input-delta:1:{"n")",
                    "tool-input-delta:1::1}", R"(tool-call:1:a:{"n":1})"}));
}

TEST(ClientCalls, ReplacesInputThatIsBlank) {
  EXPECT_EQ(
      run({"step-start", "tool-input-start:1:a",
           "tool-input-delta:1: ", "tool-input-delta:1: ", "tool-call:1:a:{}"})
          .events,
      (Events{"step-start", "tool-input-start:1:a", "tool-input-delta:1:{}", "tool-call:1:a:{}"}));
}

TEST(ClientCalls, PutsTheMetadataAtTheEndIntoTheId) {
  const Events events = run({"step-start", "tool-input-start:1:a", "tool-input-delta:1:{}",
                             R"(tool-call:1:a:{} @{"google":{}})"})
                            .events;
  const std::string id = "1_md_eyJnb29nbGUiOnt9fQ";  // base64url of {"google":{}}
  EXPECT_EQ(events,
            (Events{"step-start", "tool-input-start:" + id + ":a", "tool-input-delta:" + id + ":{}",
                    "tool-call:" + id + R"(:a:{} @{"google":{}})"}));
}

TEST(ClientCalls, LetsWaitWhatMixesWithACall) {
  EXPECT_EQ(
      run({"step-start", "tool-input-start:1:a", "tool-input-start:2:a", "tool-input-delta:2:{}",
           "text:Hm", "tool-input-delta:1:{}", "tool-call:2:a:{}", "tool-call:1:a:{}"})
          .events,
      (Events{"step-start", "tool-input-start:1:a", "tool-input-delta:1:{}", "tool-call:1:a:{}",
              "tool-input-start:2:a", "tool-input-delta:2:{}", "tool-call:2:a:{}", "text:Hm"}));
}

TEST(ClientCalls, LeavesOutACallThatCannotBeCarriedOut) {
  EXPECT_EQ(
      run({"step-start", "tool-input-start:1:b", "tool-input-delta:1:{", "tool-input-delta:1:}",
           "tool-call-error:1:b:no such tool:{}", "tool-call:2:a:{}"})
          .events,
      (Events{"step-start", "tool-input-start:2:a", "tool-input-delta:2:{}", "tool-call:2:a:{}"}));
}

TEST(ClientCalls, FailsWhenACallThatHasBegunCannotBeCarriedOut) {
  EXPECT_EQ(run({"step-start", "tool-input-start:1:a", "tool-input-delta:1:{",
                 "tool-input-delta:1:x", R"(tool-call-error:1:a:no JSON:"{x")"})
                .failure.code,
            "upstream_malformed");
}

TEST(ClientCalls, FailsAtTheEndWhenNoCallCouldBeRead) {
  EXPECT_EQ(run({"step-start", R"(tool-call-error:1:a:no JSON:"{x")"}).failure.code,
            "upstream_malformed");
}

}  // namespace
