#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/exchange/exchange.h"
#include "core/pipeline/instance.h"

namespace gatehouse::core {

/// The plugins of one configuration, chained: a request runs through the pipeline it began with, while a reload may put
/// another in its place for later ones. Any thread.
class Pipeline {
 public:
  /// Loads and creates every plugin that `config` names. Null when something is wrong with one: `problems` says what.
  static std::unique_ptr<Pipeline> build(const Config& config, Log& log, Problems& problems);
  /// Destroys the instances, the last first. Control thread, when no request is in it.
  ~Pipeline();

  /// Finds the route of the request and runs it through all that takes it.
  gh_status run(Exchange& x, const gh_sink& out) const;

  void adopt(const Pipeline& older);
  /// "access-log → cors → … → gemini"
  std::string picture() const;
  /// How often each instance was called and how long it took by itself, as a JSON object.
  std::string self_times() const;

 private:
  struct Layer {
    std::unique_ptr<Instance> instance;
    std::optional<When> when;
    mutable std::atomic<std::uint64_t> calls{0}, self_ns{0};

    bool takes(const Exchange& x) const;
  };
  struct Frame;

  Pipeline() = default;
  gh_status call(std::size_t index, Exchange& x, const gh_sink* out, Frame* outer) const;
  gh_status nobody_answered(Exchange& x) const;

  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<Route> routes_;
};

}  // namespace gatehouse::core
