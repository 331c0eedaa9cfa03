#pragma once

#include "dialect.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::openai {

/// The provider of models behind OpenAI's Chat Completions, which most servers of models speak. A
/// chat of a model that it does not serve is passed on.
class OpenAi final : public Plugin {
 public:
  OpenAi(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  const Dialect dialect_;
  const ServedModels models_;
  Document extra_;
  ModelApi api_;
};

}  // namespace gatehouse::plugins::openai
