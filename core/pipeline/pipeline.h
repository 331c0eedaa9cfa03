#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/exchange/handler.h"
#include "core/host/instance.h"
#include "core/pipeline/call_counts.h"

namespace gatehouse::core {

/// The plugins of one configuration, chained. A request stays in the pipeline that it started in
/// when a reload replaces that for later requests. Any thread.
class Pipeline final : public Handler, public Reporter {
 public:
  /// Loads and creates every plugin of `config`. Null when one of them has problems, which are
  /// added to `problems`.
  static std::unique_ptr<Pipeline> build(const Config& config, Gateway& gateway,
                                         Problems& problems);
  ~Pipeline() override {
    end([](const std::string&) {});
  }

  /// Acquires what start() needs, so that start() cannot fail. Throws std::runtime_error if no
  /// descriptor or thread is left.
  void prepare();
  /// Takes over the state of `older`, unless that is null, and starts the background tasks. Control
  /// thread.
  void start(const Pipeline* older);
  /// Destroys the instances in reverse order, after calling tell() with each one's name. Any
  /// thread, when no request is in it.
  void end(const std::function<void(const std::string& instance)>& tell);
  /// Finds the route of the request and calls the plugins that take it.
  gh_status run(Exchange& x, const gh_sink& out) const override;
  /// Calls the instance that has claimed the path on the admin address.
  gh_status run_admin(Exchange& x, const gh_sink& out) const;
  const std::vector<Route>& admin_routes() const { return admin_routes_; }
  /// Plugins may count and log the rejected request and add headers.
  void refused(Exchange& x) const override;
  /// By the plugin that writes the failures of this path.
  std::optional<std::string> failure_body(Exchange& x) const override;
  /// The route belongs to a plugin with GH_PLUGIN_PROBES.
  bool is_probe(const RequestHead& head) const override;
  /// A plugin has GH_PLUGIN_BLOCKS.
  bool may_block() const override;
  /// "access-log → cors → … → gemini"
  std::string picture() const;
  /// Where requests for models lead, in the order in which the providers are tried.
  const std::vector<OfferedModels::Lead>& leads() const { return models_.leads; }
  void report(gh_json* into) const override;
  /// The same as JSON text.
  std::string report() const;
  /// With what is the operator's alone: the process, the level of the log, the admin routes.
  std::string report_to_operator() const;
  void metrics(std::string& out) const override;
  void openapi(std::string& out) const override;
  void timing(const Exchange& x, std::string& out) const override;

 private:
  friend struct Frame;
  friend struct Surrounded;
  struct Layer {
    std::shared_ptr<const gh_plugin> code;  // before the instance, which runs it
    std::unique_ptr<Instance> instance;
    std::string place;   // of its entry: "gatehouse.yaml:12"
    std::string loaded;  // what the log is to have of `code`, if it was loaded for this pipeline
    std::optional<When> when;
    // Shared by all instances of one name, so that a reload loses no counts, nor those of requests
    // that still run in an older instance.
    std::shared_ptr<CallCounts> counts = std::make_shared<CallCounts>();

    /// By its `when`.
    bool takes(std::string_view method, std::string_view path) const;
  };

  Pipeline(Gateway& gateway, std::size_t max_running)
      : gateway_(gateway), max_running_(max_running) {}
  std::vector<Route>::const_iterator route_of(const RequestHead& head) const;
  /// A plugin for chats gets those, and one for its routes nothing else than what they lead to.
  bool is_for(const Layer& layer, const Exchange& x) const;
  /// Not a provider, or no other one than the chat document's `provider`.
  static bool may_respond(const Instance& instance, const Exchange& x);
  const Layer& layer_of(const gh_host* owner) const;
  gh_status call(std::size_t index, Exchange& x, const gh_sink* out, Frame* outer) const;
  /// Whether an instance is called at that place, around this call of the layer.
  bool surrounds(const Around& around, const Layer& layer, const Exchange& x,
                 const Frame* outer) const;
  static gh_status handle(const Instance& instance, Exchange& x, const gh_sink& out,
                          const gh_next& next);
  /// What handle() returned, by the rules of the interface: success has a response, a failure has a
  /// reason.
  gh_status settle(const Instance& instance, Exchange& x, gh_status status,
                   bool has_response) const;
  static gh_status call_next(void* frame, gh_exchange* x, const gh_sink* out);
  gh_status nobody_answered(Exchange& x) const;
  /// Adds the plugin's name to a plugin_error and logs it, once per failure.
  void blame(Exchange& x, const std::string& name) const;
  static void report_layer(const Layer& layer, gh_json* into);
  void set_layer_metrics(const Layer& layer) const;

  Gateway& gateway_;
  const std::size_t max_running_;  // for the report
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<Route> routes_, admin_routes_;
  OfferedModels models_;
  std::vector<Around> around_;
  std::vector<FailureForm> failure_forms_;  // in the order in which they are tried
};

}  // namespace gatehouse::core
