#pragma once

#include "gatehouse/toolkit/provider.hpp"
#include "model.h"

namespace gatehouse::plugins::anthropic {

/// What a request depends on besides the chat document.
struct RequestOptions {
  const Model& model;
  Json settings;
  bool sampling;  ///< The model and the version of the API take sampling parameters.
};

/// Rules 1 and 2 of the chat document: fails for what cannot be sent, and collects what is not
/// honoured.
Result<Unhonoured> check_chat(Json chat, const RequestOptions& options);

/// The body of a request of the Messages API for a chat document; of one with `count_only`, to
/// count its tokens.
std::string request_body(Json chat, const RequestOptions& options, ChatNames& names);

}  // namespace gatehouse::plugins::anthropic
