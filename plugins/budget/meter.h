#pragma once

#include <cstdint>
#include <optional>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/token_counts.hpp"

namespace gatehouse::plugins::budget {

/// The price of a model in US dollars per million tokens, hence in millionths of a dollar per
/// token.
struct Price {
  double input = 0, output = 0;

  std::int64_t micro_usd(std::int64_t input_tokens, std::int64_t output_tokens) const;
};

/// Input tokens of a chat document, estimated from its texts.
std::int64_t estimate_input(Json chat);

/// Passes the events of a response on and counts its tokens: those that the provider has reported,
/// and an estimate from the texts for a step that has ended, or was cut off, before the report.
class Meter final : public Sink {
 public:
  /// `input`: what estimate_input() has found.
  Meter(const Exchange& x, Sink& out, std::int64_t input) : x_(x), out_(out), input_(input) {}

  Status emit(Event e) override;
  /// After next() has returned `status`.
  void end(const Status& status);

  /// Something came, or was paid for.
  bool has_produced() const { return has_produced_; }
  std::int64_t tokens() const { return tokens_; }
  /// Cost of the tokens that were estimated, which nobody else knows of; in millionths of a dollar.
  std::int64_t estimated_micro_usd() const { return estimated_micro_usd_; }
  bool has_estimated() const { return has_estimated_; }
  /// That of the last model; nothing: unknown.
  const std::optional<Price>& price() const { return price_; }

 private:
  void end_step(bool is_failure);

  const Exchange& x_;
  Sink& out_;
  const std::int64_t input_;
  bool has_produced_ = false, has_estimated_ = false;
  std::int64_t tokens_ = 0, estimated_micro_usd_ = 0;
  std::optional<Price> price_;

  // Of the running step.
  bool has_begun_ = false, has_finished_ = false, is_call_counted_ = false;
  TokenCounts usage_;
  std::int64_t bytes_ = 0;
};

}  // namespace gatehouse::plugins::budget
