#pragma once

#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/call_ids.hpp"
#include "stored_items.h"

namespace gatehouse::plugins::responses {

/// The ingress for clients of OpenAI's Responses API: turns the input of POST /v1/responses into
/// the chat document, and the events of the response into a response object or its stream.
class Responses final : public Plugin {
 public:
  Responses(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status read(Exchange& x, Json& body);
  std::string render(Exchange& x, const Failure& failure) const;

  const Host host_;
  const int route_;
  const bool anyone_;
  const bool sends_reasoning_;
  const CallIds ids_;
  StoredItems stored_;
};

}  // namespace gatehouse::plugins::responses
