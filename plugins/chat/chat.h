#pragma once

#include "body.h"
#include "document.h"
#include "gatehouse/plugin.hpp"
#include "resumption.h"
#include "ui_stream.h"

namespace gatehouse::plugins::chat {

/// The ingress for clients of the Vercel AI SDK: turns the messages of POST /api/chat into the chat
/// document, and the events of the response into a UI message stream. Below it there is no HTTP.
class Chat final : public Plugin {
 public:
  Chat(Host host, Json config);

  void adopt(Chat& older) { resumption_.adopt(older.resumption_); }

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status resume(Exchange& x, Sink& out) { return resumption_.resume(x, out); }
  Status stop(Exchange& x, Sink& out) { return resumption_.stop(x, out); }
  void forget(Exchange& x) { resumption_.forget(x); }
  Status read(Exchange& x) const;
  Status respond(Exchange& x, Sink& out, Next& next, std::chrono::nanoseconds began) const;

  const Host host_;
  const int route_;
  const Choices choices_;
  const Defaults defaults_;
  const UiStream::Options shown_;
  Resumption resumption_;
};

}  // namespace gatehouse::plugins::chat
