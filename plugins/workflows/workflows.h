#pragma once

#include <memory>
#include <mutex>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::workflows {

/// Named sets of a prompt, tools, a model and its settings, one of which a client chooses by id.
/// GET /api/workflows lists them; the chosen one is written into the chat document.
class Workflows final : public Plugin {
 public:
  Workflows(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  using Definitions = std::shared_ptr<const Document>;

  Definitions definitions() const;
  Status list(Exchange& x, Sink& out);
  Definitions load(std::vector<std::string>& problems) const;
  void watch(Exchange& x);

  const Host host_;
  const std::string file_;
  std::uint64_t stamp_;  // of the file before it was last read; used by the thread that watches it
  mutable std::mutex mutex_;
  Definitions definitions_;  // guarded by mutex_; null only if the configuration is invalid
};

}  // namespace gatehouse::plugins::workflows
