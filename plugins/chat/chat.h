#pragma once

#include "body.h"
#include "document.h"
#include "gatehouse/plugin.hpp"
#include "ui_stream.h"

namespace gatehouse::plugins::chat {

/// The ingress for clients of the Vercel AI SDK: turns the messages of POST /api/chat into the chat
/// document, and the events of the response into a UI message stream. Below it there is no HTTP.
class Chat final : public Plugin {
 public:
  Chat(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status resume(Exchange& x, Sink& out);
  Status read(Exchange& x) const;
  Status respond(Exchange& x, Sink& out, Next& next, std::chrono::nanoseconds began) const;

  const Host host_;
  const int route_;
  const Choices choices_;
  const Defaults defaults_;
  const UiStream::Options shown_;
};

}  // namespace gatehouse::plugins::chat
