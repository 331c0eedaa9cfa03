#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/provider.hpp"

namespace gatehouse::plugins::anthropic {

/// The provider of Claude: sends chats to the Messages API of Anthropic or of a compatible server.
/// A chat of a model that it does not serve is passed on.
class Anthropic final : public Plugin {
 public:
  Anthropic(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  const ServedModels models_;
  Document settings_;
  ModelApi api_;
};

}  // namespace gatehouse::plugins::anthropic
