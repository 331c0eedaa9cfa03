#pragma once

#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::simulator {

/// A provider without a network: the same request always gets the same response. It repeats what
/// the user wrote, calls a tool that the text names, and reports the tool's result. Words count as
/// tokens.
class Simulator final : public Plugin {
 public:
  Simulator(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status begin(Json chat, std::int64_t words, bool lacks_tool, Sink& out) const;
  Status speak(Exchange& x, Sink& out, View text) const;

  const Host host_;
  const std::chrono::milliseconds word_delay_;
  const std::int64_t repeat_;
  const Series responses_;
};

}  // namespace gatehouse::plugins::simulator
