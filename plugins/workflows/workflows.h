#pragma once

#include <memory>
#include <mutex>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::workflows {

/// Named ways to ask the model, which clients choose by id: a prompt, the tools it may use, the
/// model and how to ask it. GET /api/workflows lists them; in a chat the chosen one goes into the
/// chat document before `chat` fills in the rest.
class Workflows final : public Plugin {
 public:
  Workflows(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  using Definitions = std::shared_ptr<const Document>;

  Definitions definitions() const;
  Status list(Exchange& x, Sink& out) const;
  Status apply(Exchange& x) const;
  void watch(Exchange& x);

  const Host host_;
  const std::string file_;
  std::uint64_t stamp_;  // of the file before it was read last; of the thread that watches it
  const int list_route_;
  mutable std::mutex mutex_;
  Definitions definitions_;  // guarded by mutex_; null only if the configuration is wrong
};

}  // namespace gatehouse::plugins::workflows
