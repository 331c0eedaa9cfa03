#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "exporter.h"
#include "gatehouse/plugin.hpp"
#include "names.h"
#include "span.h"

namespace gatehouse::plugins::traces {

/// Writes a span for each tool that the gateway runs for a chat, with the span of the request as
/// its parent.
class ToolSpans final : public Sink {
 public:
  ToolSpans(Host host, const Exchange& x, Sink& out, Exporter& exporter)
      : clock_(host), x_(x), out_(out), exporter_(exporter) {}

  Status emit(Event e) override;

 private:
  void finish(Event e);
  std::string name_of(View id) const;

  const SpanClock clock_;
  const Exchange& x_;
  Sink& out_;
  Exporter& exporter_;
  std::map<std::string, std::string, std::less<>> called_;  // names by id
  // Tools run when the model has finished its output.
  std::chrono::nanoseconds model_finished_ = clock_.now();
};

/// The call of a model, and what its span reports of the response.
class ModelCall final : public Sink {
 public:
  ModelCall(Host host, Sink& out) : clock_(host), out_(out) {}

  Status emit(Event e) override;
  /// What is known of the request and of its response.
  void describe(Span& span, const Exchange& x) const;
  std::string end(Span& span, const std::string& name) const {
    return span.end(name, began_, clock_.now());
  }

 private:
  const SpanClock clock_;
  Sink& out_;
  const std::chrono::nanoseconds began_ = clock_.now();
  std::optional<std::chrono::nanoseconds> first_chunk_;  // since began_
  std::string response_id_, response_model_, finish_reason_;
  std::array<std::optional<std::int64_t>, std::size(names::kUsage)> usage_;
};

}  // namespace gatehouse::plugins::traces
