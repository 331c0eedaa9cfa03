#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/exchange/handler.h"
#include "core/host/instance.h"

namespace gatehouse::core {

/// The plugins of one configuration, chained: a request runs through the pipeline it began with,
/// while a reload may put another in its place for later ones. Any thread.
class Pipeline final : public Handler {
 public:
  /// Loads and creates every plugin that `config` names. Null when something is wrong with one:
  /// `problems` says what.
  static std::unique_ptr<Pipeline> build(const Config& config, Gateway& gateway,
                                         Problems& problems);
  ~Pipeline() override {
    end([](const std::string&) {});
  }

  /// Takes what start() needs, which then cannot fail. Throws std::runtime_error if no descriptor
  /// or thread is left.
  void prepare();
  /// Takes over the state of what runs, if anything does, and begins the work in the background.
  /// Control thread.
  void start(const Pipeline* older);
  /// Destroys the instances, the last first, each after its name was told. Any thread, when no
  /// request is in it.
  void end(const std::function<void(const std::string& instance)>& tell);
  /// Finds the route of the request and runs it through all that takes it.
  gh_status run(Exchange& x, const gh_sink& out) const override;
  /// Runs a request of the admin address in the instance that has its route.
  gh_status run_admin(Exchange& x, const gh_sink& out) const;
  const std::vector<Route>& admin_routes() const { return admin_routes_; }
  /// Plugins may count it, log it, and add headers.
  void refused(Exchange& x) const override;
  /// It is for a route of a plugin that says so (GH_PLUGIN_PROBES).
  bool is_probe(const RequestHead& head) const override;
  /// "access-log → cors → … → gemini"
  std::string picture() const;
  /// Fills in what gatehouse.status/1 reports.
  void report(gh_json* into) const;
  /// The same as JSON text.
  std::string report() const;
  /// Appends all metrics in the Prometheus text format.
  void metrics(std::string& out) const;

 private:
  friend struct Frame;
  /// Of all instances of one name, one after another: a reload loses nothing, nor what still runs
  /// in the older ones.
  struct Counts {
    std::atomic<std::uint64_t> calls{0}, failures{0}, short_circuits{0}, answers{0};
    std::atomic<std::uint64_t> total_ns{0}, self_ns{0}, first_event_ns{0};
  };
  struct Layer {
    std::unique_ptr<Instance> instance;
    std::optional<When> when;
    std::shared_ptr<Counts> counts = std::make_shared<Counts>();

    bool takes(const Exchange& x) const;
  };

  explicit Pipeline(Gateway& gateway) : gateway_(gateway) {}
  std::vector<Route>::const_iterator route_of(const RequestHead& head) const;
  gh_status call(std::size_t index, Exchange& x, const gh_sink* out, Frame* outer) const;
  gh_status nobody_answered(Exchange& x) const;

  Gateway& gateway_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<Route> routes_, admin_routes_;
};

/// Appends the value of a Server-Timing header: what each plugin that the request is in, or has
/// been in, has taken itself.
void append_timing(const Exchange& x, std::string& out);

}  // namespace gatehouse::core
