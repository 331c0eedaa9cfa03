#pragma once

#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/call_ids.hpp"

namespace gatehouse::plugins::completions {

/// The ingress for clients of OpenAI's Chat Completions API: turns the body of
/// POST /v1/chat/completions into the chat document, and the events of the response into a
/// completion or its chunks. Failures of all routes below /v1/ have the form of that API.
class Completions final : public Plugin {
 public:
  Completions(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  std::string render(Exchange& x, const Failure& failure) const;

 private:
  const Host host_;
  const int route_;
  const bool send_reasoning_, anyone_;
  const CallIds ids_;
};

}  // namespace gatehouse::plugins::completions
