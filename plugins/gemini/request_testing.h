#pragma once

#include "gatehouse/testing.hpp"
#include "request.h"
#include "settings.h"

namespace gatehouse::plugins::gemini {

/// What requests are written with.
struct Asking {
  testing::Harness h;
  const Crypto crypto{h.host()};
  Models models{h.host(), {}};
  Settings settings;

  explicit Asking(View config = "{}") : settings(h.host(), h.config(config), models) {}

  std::string request(View chat, std::vector<ToolForm> tools = {}, bool foreign_signatures = false,
                      View continuation_token = {}) {
    const Json document = h.config(chat);
    const View model = document["model"].str();
    ToolNames names(crypto, document["tools"]);
    return request_body(document, {models.find(model), settings.of(model), names, std::move(tools),
                                   foreign_signatures, continuation_token});
  }
};

/// The body of the request that this chat becomes.
inline std::string request_of(View chat, View config = "{}") {
  return Asking(config).request(chat);
}

/// A member of it as JSON text; "" if there is none.
inline std::string member_of(View name, View chat, View config = "{}") {
  const Document body = testing::parse(request_of(chat, config));
  return body.root()[name] ? body.root()[name].dump() : std::string();
}

}  // namespace gatehouse::plugins::gemini
