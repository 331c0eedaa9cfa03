#pragma once

#include "body.h"
#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/call_ids.hpp"

namespace gatehouse::plugins::messages {

/// The ingress for clients of Anthropic's Messages API: turns POST /v1/messages and
/// /v1/messages/count_tokens into the chat document, and the events of the response into a message.
/// Failures of all plugins and of the server have the form of that API there.
class Messages final : public Plugin {
 public:
  Messages(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Result<Json> read(Exchange& x, Purpose purpose) const;
  Status create(Exchange& x, Sink& out, Next& next) const;
  Status count(Exchange& x, Sink& out, Next& next) const;
  std::string render(Exchange& x, const Failure& failure) const;

  const Host host_;
  const int create_, count_;  // routes
  const bool anyone_, sends_reasoning_;
  const CallIds ids_;
};

}  // namespace gatehouse::plugins::messages
