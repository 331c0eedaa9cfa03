#pragma once

#include <atomic>
#include <mutex>

#include "answer.h"
#include "call_metrics.h"
#include "gatehouse/plugin.hpp"
#include "settings.h"

namespace gatehouse {

/// Answers chats with a model of the Gemini API: one call of it for each call of handle(), never a second try.
class Gemini final : public Plugin {
 public:
  Gemini(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status ask(Exchange& x, GeminiAnswer& step, Call& call);
  void explain(const Exchange& x, const Fail& fail);
  void watch(Exchange& x);
  void probe(Exchange& x);
  void report(int health, View reason);

  const Host host_;
  const std::string api_key_;
  const std::chrono::nanoseconds probe_interval_;
  Models models_;
  const Settings settings_;
  const Http http_;
  std::atomic<std::int64_t> heard_at_ns_{0};  // when a chat last told how Gemini is
  std::atomic<int> health_{GH_UP};            // what the host was told last
  std::mutex health_mutex_;                   // keeps the host's order that of health_
};

}  // namespace gatehouse
