#pragma once

#include <atomic>
#include <mutex>

#include "response.h"
#include "call_metrics.h"
#include "gatehouse/plugin.hpp"
#include "model_news.h"
#include "request.h"
#include "settings.h"
#include "tool_memory.h"

namespace gatehouse::plugins::gemini {

/// Answers chats with a model of the Gemini API: one call of it for each call of handle(), unless
/// Gemini takes part of the request amiss, or the answer goes on in another one.
class Gemini final : public Plugin {
 public:
  Gemini(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  void adopt(Gemini& older) { tools_.adopt(older.tools_); }

 private:
  struct Turn;
  struct Attempt;
  enum class End {
    whole,
    broken,
    refused
  };  // of a request: broken on the way, refused when the answer had begun in another

  Status attempt(Exchange& x, Sink& out, Turn& turn, GeminiFailure& failure);
  Status ask(Exchange& x, Turn& turn, Attempt& attempt);
  Status stream(Exchange& x, Turn& turn, Attempt& attempt, End& end);
  void settle(Exchange& x, const Turn& turn, const Attempt& attempt, const Status& status);
  bool mend(const Exchange& x, Turn& turn, const GeminiFailure& failure) const;
  bool mend_tools(const Exchange& x, Turn& turn, const GeminiFailure& failure) const;
  void tell_of_tools(const Exchange& x, const Turn& turn) const;
  void explain(const Exchange& x, const GeminiFailure& failure);
  void log_end(const Exchange& x, const GeminiResponse& answer) const;
  void watch(Exchange& x);
  void probe(Exchange& x);
  void report(int health, const std::string& reason);

  const Host host_;
  const std::string api_key_;
  const std::chrono::nanoseconds probe_interval_;
  Models models_;
  const Settings settings_;
  const Http http_;
  const Crypto crypto_;
  ToolMemory tools_;
  ModelNews news_;
  std::atomic<std::int64_t> heard_at_ns_{0};  // when a chat last told how Gemini is
  std::atomic<bool> plain_{true};  // the host was last told that Gemini is up, and no more
  std::mutex health_mutex_;  // also while the host is told, so that it hears things in their order
  std::pair<int, std::string> health_{GH_UP,
                                      {}};  // guarded by health_mutex_; what the host was told last
};

}  // namespace gatehouse::plugins::gemini
