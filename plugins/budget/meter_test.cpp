#include "meter.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::budget {
namespace {

using namespace testing;

constexpr std::int64_t kInput = 100;

/// Responds to any chat as the meter has it.
class Metered final : public Plugin {
 public:
  Status handle(Exchange& x, Sink& out, Next& next) override {
    meter.emplace(x, out, kInput);
    Status status = next(x, *meter);
    meter->end(status);
    return status;
  }
  std::optional<Meter> meter;
};

struct MeterTest : ::testing::Test {
  /// The meter after a response of these events; of a client that leaves after some of them.
  const Meter& of(NextFunction response, std::size_t leaves_after = 1000) {
    h.next = std::move(response);
    Request request("POST", "/");
    request.chat = R"({"model": "m", "messages": []})";
    request.leaves_after = leaves_after;
    (void)h.run(metered, request);
    return *metered.meter;
  }

  Harness h;
  Metered metered;
};

TEST_F(MeterTest, CountsWhatTheProviderReports) {
  const Meter& meter = of(events({"step-start", R"(usage:{"input_tokens":7})", "text:Hello",
                                  R"(usage:{"input_tokens":7,"output_tokens":3,"total_tokens":10})",
                                  "step-finish:stop"}));
  EXPECT_EQ(meter.tokens(), 10);
  EXPECT_FALSE(meter.has_estimated());
}

TEST_F(MeterTest, AddsTheStepsOfAToolLoop) {
  const Meter& meter = of(events(
      {"step-start", R"(usage:{"input_tokens":7,"output_tokens":3})", "step-finish:tool-calls",
       "step-start", R"(usage:{"input_tokens":20,"output_tokens":4})", "step-finish:stop"}));
  EXPECT_EQ(meter.tokens(), 34);
}

TEST_F(MeterTest, EstimatesWhatTheProviderDoesNotReport) {
  const Meter& meter = of(events({"step-start", "reasoning:Hmm.", "text:Hello World!",
                                  "tool-call:c:f:{\"q\":\"1234567\"}", "step-finish:stop"}));
  EXPECT_EQ(meter.tokens(), kInput + 1 + 3 + 2) << "four bytes to a token";
  EXPECT_TRUE(meter.has_estimated());
}

TEST_F(MeterTest, CountsTheArgumentsOfACallOnce) {
  const Meter& meter =
      of(events({"step-start", "tool-input-start:c:f",
                 "tool-input-delta:c:{\"q\":", "tool-input-delta:c:\"123456789012\"}",
                 "tool-call:c:f:{\"q\":\"123456789012\"}", "step-finish:tool-calls"}));
  EXPECT_EQ(meter.tokens(), kInput + 5) << "the text of the arguments has 20 bytes";
}

TEST_F(MeterTest, AClientThatLeavesPaysForWhatWasProduced) {
  const NextFunction response =
      events({"step-start", "text:" + std::string(400, 'x'), "text:more",
              R"(usage:{"input_tokens":7,"output_tokens":900})", "step-finish:stop"});
  EXPECT_EQ(of(response, 2).tokens(), kInput + 101) << "with what could not be sent";
  EXPECT_EQ(of(response, 0).tokens(), kInput) << "the model had accepted the request";
}

TEST_F(MeterTest, CountsMoreThanTheProviderHadReportedWhenTheClientLeft) {
  const NextFunction response =
      events({"step-start", R"(usage:{"input_tokens":7,"output_tokens":1})",
              "text:" + std::string(400, 'x'), "text:more", "step-finish:stop"});
  EXPECT_EQ(of(response, 3).tokens(), 7 + 101);
}

TEST_F(MeterTest, AFailureWithoutOutputCostsNothing) {
  const Fail down{503, "overloaded", "Try again.", {}};
  EXPECT_FALSE(of(fails(down)).has_produced());
  EXPECT_EQ(of(fails(down)).tokens(), 0);
  const Meter& meter = of([&](Exchange&, Sink& out) -> Status {
    if (Status status = emit(out, {"step-start"}); !status) return status;
    return down;
  });
  EXPECT_EQ(meter.tokens(), 0);
  EXPECT_FALSE(meter.has_produced());
}

TEST_F(MeterTest, AFailureWithinAResponseCostsWhatCameBefore) {
  const Meter& meter = of([](Exchange&, Sink& out) -> Status {
    if (Status status = emit(out, {"step-start", "text:Hello World!"}); !status) return status;
    return Fail{502, "upstream_broken", "No.", {}};
  });
  EXPECT_EQ(meter.tokens(), kInput + 3);
  EXPECT_TRUE(meter.has_produced());
}

TEST_F(MeterTest, EstimatesTheCostOfWhatNobodyReports) {
  const NextFunction silent = [](Exchange& x, Sink& out) {
    x.chat().edit("price").edit("input").set(2.0);
    x.chat().edit("price").edit("output").set(10.0);
    return emit(out, {"step-start", R"(usage:{"input_tokens":7})", "text:Hello World!",
                      "step-finish:stop"});
  };
  const Meter& meter = of(silent);
  EXPECT_EQ(meter.estimated_micro_usd(), 3 * 10) << "the cost of the input is known elsewhere";
  EXPECT_EQ(meter.price()->input, 2);
  EXPECT_EQ(meter.price()->output, 10);
}

TEST(EstimateInput, CountsTexts) {
  Harness h;
  EXPECT_EQ(estimate_input(h.json(R"({"model": "m", "messages": []})")), 0);
  const Json chat = h.json(R"({
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}]})");
  // typetexttextBe brief. roleusercontenttypetexttextHello namefinput_schematypeobject
  EXPECT_EQ(estimate_input(chat), (21 + 32 + 27) / 4);
}

TEST(EstimateInput, CountsFilesByTheirNumber) {
  Harness h;
  const std::string file = R"({"type": "file", "media_type": "image/png", "data": ")" +
                           std::string(100'000, 'A') + "\"}";
  const std::string message = R"({"messages": [{"role": "user", "content": [)" + file + "]}]}";
  EXPECT_NEAR(static_cast<double>(estimate_input(h.json(message))), 1000, 10);
}

TEST(EstimateInput, LeavesOutWhatNoModelReads) {
  Harness h;
  const std::string message = R"({"messages": [{"metadata": {"google": {"thoughtSignature": ")" +
                              std::string(1000, 'A') + "\"}}}]}";
  EXPECT_EQ(estimate_input(h.json(message)), 0);
}

}  // namespace
}  // namespace gatehouse::plugins::budget
