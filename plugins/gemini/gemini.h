#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/provider.hpp"
#include "model_news.h"
#include "repairs.h"
#include "request.h"
#include "settings.h"
#include "tool_memory.h"

namespace gatehouse::plugins::gemini {

class GeminiResponse;

/// The provider of Google's models: sends chats to the Gemini API. A call of handle() is one
/// request to it, unless Gemini rejects part of the request or continues the response in another.
class Gemini final : public Plugin {
 public:
  Gemini(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  void adopt(Gemini& older) { tools_.adopt(older.tools_); }

 private:
  struct Turn;
  class Attempt;

  Status count(Exchange& x, Sink& out, Turn& turn);
  Status respond(Exchange& x, Sink& out, Turn& turn, Repairable& rejected);
  void note_gone(UpstreamFailure& failure, View model, View message);
  void log_tools(const Exchange& x, const Turn& turn) const;
  void log_end(const Exchange& x, const GeminiResponse& response) const;

  const Host host_;
  Models models_;
  const Settings settings_;
  const Crypto crypto_;
  ToolMemory tools_;
  ModelNews news_;
  ModelApi api_;
};

}  // namespace gatehouse::plugins::gemini
