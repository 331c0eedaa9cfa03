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
class Pipeline final : public Handler, public Reporter {
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
  /// Plugins may count it, log it, and add headers.
  void refused(Exchange& x) const override;
  /// It is for a route of a plugin that says so (GH_PLUGIN_PROBES).
  bool is_probe(const RequestHead& head) const override;
  /// "access-log → cors → … → gemini"
  std::string picture() const;
  void report(gh_json* into) const override;
  /// The same as JSON text.
  std::string report() const;
  void metrics(std::string& out) const override;
  void timing(const Exchange& x, std::string& out) const override;

 private:
  friend struct Frame;
  /// Of all instances of one name, one after another: a reload loses nothing, nor what still runs
  /// in the older ones.
  struct Counts {
    std::atomic<std::uint64_t> calls{0}, failures{0}, short_circuits{0}, answers{0};
    std::atomic<std::uint64_t> total_ns{0}, self_ns{0}, first_event_ns{0};

    /// A call that has ended.
    void add(const Frame& frame);
  };
  struct Layer {
    std::unique_ptr<Instance> instance;
    std::optional<When> when;
    std::shared_ptr<Counts> counts = std::make_shared<Counts>();

    /// By its `when`.
    bool takes(const Exchange& x) const;
  };

  explicit Pipeline(Gateway& gateway) : gateway_(gateway) {}
  std::vector<Route>::const_iterator route_of(const RequestHead& head) const;
  /// A plugin for chats gets those, and what its own routes lead to.
  bool is_for(const Layer& layer, const Exchange& x) const;
  gh_status call(std::size_t index, Exchange& x, const gh_sink* out, Frame* outer) const;
  static gh_status call_next(void* frame, gh_exchange* x, const gh_sink* out);
  gh_status nobody_answered(Exchange& x) const;
  /// A plugin_error is the fault of the plugin of this name: the log has it, once.
  void blame(Exchange& x, const std::string& name) const;
  static void report_layer(const Layer& layer, gh_json* into);
  void set_layer_metrics(const Layer& layer) const;

  Gateway& gateway_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<Route> routes_, admin_routes_;
};

}  // namespace gatehouse::core
