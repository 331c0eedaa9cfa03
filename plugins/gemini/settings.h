#pragma once

#include <map>

#include "models.h"

namespace gatehouse::plugins::gemini {

/// How the operator wants models to respond: the settings, by the names of the chat document where
/// it has the same.
class Settings {
 public:
  /// Warns of settings that a model cannot honour, and of models that end, also of those that
  /// clients may request.
  Settings(Host host, Json config, const Models& models);

  /// Those of `models.NAME` over the general ones. Lives as long as this.
  Json of(View model) const;

 private:
  Document general_;
  std::map<std::string, Document, std::less<>> models_;
};

}  // namespace gatehouse::plugins::gemini
