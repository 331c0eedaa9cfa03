#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/provider.hpp"
#include "model_news.h"
#include "request.h"
#include "response.h"
#include "settings.h"
#include "tool_memory.h"

namespace gatehouse::plugins::gemini {

/// The provider of Google's models: sends chats to the Gemini API. A call of handle() is one
/// request to it, unless Gemini rejects part of the request or continues the response in another.
class Gemini final : public Plugin {
 public:
  Gemini(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  void adopt(Gemini& older) { tools_.adopt(older.tools_); }

 private:
  struct Turn;
  struct Attempt;
  /// Of one request: complete; broken, on its way or by a failure; rejected, though its response
  /// had begun in an earlier request.
  enum class End { complete, broken, rejected };

  Status count(Exchange& x, Sink& out, Turn& turn);
  Status attempt(Exchange& x, Sink& out, Turn& turn, GeminiFailure& failure);
  Status follow(Exchange& x, Turn& turn, Attempt& attempt);
  Status stream(Exchange& x, Turn& turn, Attempt& attempt, End& end);
  Status read_events(HttpResponse& response, Exchange& x, Attempt& attempt, End& end);
  GeminiFailure judge(const Exchange& x, const Turn& turn, const Attempt& attempt);
  void settle(Exchange& x, const Turn& turn, const Attempt& attempt, const Status& status);
  void settle_failure(const Exchange& x, const Turn& turn, const Attempt& attempt);
  void explain(const Exchange& x, const GeminiFailure& failure, View key);
  void log_tools(const Exchange& x, const Turn& turn) const;
  void log_end(const Exchange& x, const GeminiResponse& response) const;
  void watch(Exchange& x);
  void probe(Exchange& x);
  void explain_probe(const Exchange& x, GeminiFailure& failure, View key);

  const Host host_;
  ApiKeys keys_;
  const std::chrono::nanoseconds probe_interval_;
  Models models_;
  const Settings settings_;
  const Http http_;
  const Crypto crypto_;
  const CallMetrics metrics_;
  UpstreamHealth health_;
  ToolMemory tools_;
  ModelNews news_;
};

}  // namespace gatehouse::plugins::gemini
