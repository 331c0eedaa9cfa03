#pragma once

#include "body.h"
#include "document.h"
#include "gatehouse/plugin.hpp"
#include "ui_stream.h"

namespace gatehouse::plugins::chat {

/// POST /api/chat for clients of the Vercel AI SDK: their messages become the chat document, and
/// the events of the answer their UI message stream. Below it there is no HTTP. GET
/// /api/chat/ID/stream: that no answer is to be gone on with.
class Chat final : public Plugin {
 public:
  Chat(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  static Status resume(Exchange& x, Sink& out);
  Status read(Exchange& x) const;
  Status answer(Exchange& x, Sink& out, Next& next, std::chrono::nanoseconds began) const;

  const Host host_;
  const int route_;
  const int resume_route_;
  const Choices choices_;
  const Defaults defaults_;
  const UiStream::Options shown_;
};

}  // namespace gatehouse::plugins::chat
