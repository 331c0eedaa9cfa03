#pragma once

#include "gatehouse/testing.hpp"
#include "request.h"
#include "settings.h"

namespace gatehouse::plugins::gemini {

/// What requests are written with.
struct Requests {
  testing::Harness h;
  const Crypto crypto{h.host()};
  Models models{h.host(), {}};
  const Document config;
  Settings settings;

  explicit Requests(View text = "{}")
      : config(testing::parse(text)), settings(h.host(), config.root(), models) {}

  std::string request(View chat, std::vector<ToolForm> tools = {}, bool foreign_signatures = false,
                      View continuation_token = {}) {
    const Document document = testing::parse(chat);
    ToolNames names(crypto, document.root()["tools"]);
    return request_body(document.root(), options(document.root(), names, std::move(tools),
                                                 foreign_signatures, continuation_token));
  }
  RequestOptions options(Json chat, ToolNames& names, std::vector<ToolForm> tools = {},
                         bool foreign_signatures = false, View continuation_token = {}) {
    const View model = chat["model"].str();
    return {models.find(model), settings.of(model), names,
            std::move(tools),   foreign_signatures, continuation_token};
  }
};

/// The body of the request that this chat becomes.
inline std::string request_of(View chat, View config = "{}") {
  return Requests(config).request(chat);
}

/// A member of it as JSON text; "" if there is none.
inline std::string member_of(View name, View chat, View config = "{}") {
  const Document body = testing::parse(request_of(chat, config));
  return body.root()[name] ? body.root()[name].dump() : std::string();
}

}  // namespace gatehouse::plugins::gemini
