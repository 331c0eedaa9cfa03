#pragma once

#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::simulator {

/// A model without a network: answers in words of its own, the same ones each time. It says back
/// what it was asked, calls a tool when the question names it, and tells what the tool returned.
/// Tokens are words.
class Simulator final : public Plugin {
 public:
  Simulator(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status speak(Exchange& x, Sink& out, View text) const;

  const Host host_;
  const std::chrono::milliseconds word_delay_;
  const std::int64_t repeat_;
  const Series answers_;
};

}  // namespace gatehouse::plugins::simulator
