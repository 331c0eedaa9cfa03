#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/host/gateway.h"
#include "core/host/reporter.h"
#include "core/net/activity.h"
#include "core/net/event_fd.h"
#include "gatehouse/abi/plugin.h"

namespace gatehouse::core {

/// A method and path that an instance has claimed; one `*` in the path matches one or more
/// characters. Its index in the list is its id; that of an admin route is kFirstAdminRoute minus
/// the index.
struct Route {
  std::string method, path;
  const gh_host* owner;
  std::string summary;  // of an admin route

  bool is_pattern() const { return path.find('*') != path.npos; }
  bool leads_to(std::string_view wanted) const { return fits(path, wanted); }

  /// Whether `wanted` is a path of this pattern.
  static bool fits(std::string_view pattern, std::string_view wanted) {
    const auto star = pattern.find('*');
    if (star == pattern.npos) return pattern == wanted;
    return wanted.size() >= pattern.size() && wanted.starts_with(pattern.substr(0, star)) &&
           wanted.ends_with(pattern.substr(star + 1));
  }
};
inline constexpr std::int32_t kFirstAdminRoute = -2;

/// A place of the pipeline at which an instance is called beside its own.
struct Around {
  int place;  // GH_AROUND_...
  gh_status (*handle)(void* self, gh_exchange*, const gh_sink* out, const gh_next* next);
  void* self;
  const gh_host* owner;
};

/// What writes the bodies of failures of requests below a path, as in abi/ext/failures.h.
struct FailureForm {
  std::string path, header;
  void (*render)(void* self, gh_exchange*, const gh_failure*, void* to,
                 void (*append)(void* to, gh_str bytes));
  void* self;
  const gh_host* owner;
};

/// Models that requests may name, and where they lead.
struct OfferedModels {
  /// Requests for `name` go on to a provider instance as requests for `model`.
  struct Lead {
    std::string name, provider, model;
    const gh_host* by;
  };

  void add(std::string_view model) {
    if (known.insert(std::string(model)).second) list.emplace_back(model);
  }
  void lead(Lead lead) {
    list.erase(std::remove(list.begin(), list.end(), lead.name), list.end());
    leads.push_back(std::move(lead));
  }

  std::vector<std::string> list;  // each once, in the order in which they were offered
  std::set<std::string> known;    // the same models: there may be many thousands
  std::vector<Lead> leads;        // in the order in which they are tried
};

/// One configured plugin: the plugin's own object, and the host as that object sees it.
class Instance : private gh_host {
 public:
  /// Where the plugin's calls go while it is created.
  struct Creation {
    std::vector<Route>& routes;
    std::vector<Route>& admin_routes;
    std::vector<Around>& around;
    std::vector<FailureForm>& failure_forms;
    OfferedModels& models;
    std::function<void(std::string_view pointer, std::string_view text)> problem;
    std::function<void(std::string_view pointer, std::string_view text)> warning;
  };
  /// What it uses of the gateway around it.
  struct Surroundings {
    Gateway& gateway;
    std::filesystem::path folder;  // to which the paths of its configuration are relative
    const Reporter* reporter = nullptr;
    bool exposed = false;  // to other machines
    UpstreamSettings upstream = {};
  };
  /// Its health, as the plugin reports it.
  struct Health {
    int state = GH_UP;
    std::string reason;
    std::chrono::system_clock::time_point since = std::chrono::system_clock::now();
  };

  /// Creates the plugin's object. When creation.problem was called, the instance must not be used.
  Instance(const gh_plugin& plugin, std::string name, std::string_view config,
           const Surroundings& surroundings, const Creation& creation);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  static const Instance& of(const gh_host* host) { return *static_cast<const Instance*>(host); }

  /// Acquires what start() needs, so that start() cannot fail. Throws std::system_error if no
  /// descriptor or thread is left.
  void prepare();
  /// Starts its background tasks.
  void start();
  /// Cancels its background tasks.
  void stop();
  gh_status handle(gh_exchange* x, const gh_sink* out, const gh_next* next) const {
    return plugin_.handle(self_, x, out, next);
  }
  /// The server has rejected this request.
  void refused(gh_exchange* x) const {
    if (GH_HAS(gh_plugin, &plugin_, refused) && plugin_.refused) plugin_.refused(self_, x);
  }
  /// Takes over the state of `older`, if that is an instance of the same plugin. Logs what of it is
  /// lost because its code is another.
  void take_over(const Instance& older);

  const std::string& name() const { return name_; }
  const gh_plugin& plugin() const { return plugin_; }
  /// What describe() was given; empty: nothing.
  const std::string& description() const { return description_; }
  const PluginLabel& label() const { return label_; }
  const Surroundings& surroundings() const { return surroundings_; }
  Store& store() const { return *surroundings_.gateway.store; }
  bool only_chat() const { return plugin_.flags & GH_PLUGIN_CHAT; }
  bool only_routes() const { return plugin_.flags & GH_PLUGIN_ROUTES; }

  // What the plugin calls through its tables. Those that only creation allows do nothing later.
  void problem(std::string_view pointer, std::string_view text) const;
  void warning(std::string_view pointer, std::string_view text) const;
  std::int32_t add_route(std::string_view method, std::string_view path) const;
  std::int32_t add_admin_route(std::string_view method, std::string_view path,
                               std::string_view summary) const;
  void add_around(const Around& around) const;
  void add_failure_form(FailureForm form) const;
  /// A part of the OpenAPI document, as JSON.
  void describe(std::string_view document) const;
  void add_task(void (*run)(void*, gh_exchange*), void* self) const;
  bool logs(Level level) const { return log_.enabled(level); }
  void log(Level level, std::string_view request_id, std::string_view message,
           std::string_view fields) const;
  void set_health(int state, std::string_view reason) const;
  /// It is written as long as this or another instance that owns it lives.
  void own_gauge(std::int32_t series) const { gauges_.own(series); }
  /// During creation: those of gatehouse.models/1; else null.
  OfferedModels* offered_models() const { return creation_ ? &creation_->models : nullptr; }
  Health health() const;

 private:
  struct Task {
    void (*run)(void* self, gh_exchange*);
    void* self;
  };

  struct LogLine {
    Level level;
    std::string message, fields;
  };

  std::int32_t claim(std::vector<Route>& routes, Route route) const;
  void run_task(const Task& task) const;
  gh_status adopt(const Instance& older);
  std::string restore(const Instance& older);

  const gh_plugin& plugin_;
  const std::string name_;
  const PluginLabel& label_;
  const Surroundings surroundings_;
  Log& log_;
  const Creation* creation_ = nullptr;  // only during creation
  void* self_ = nullptr;
  bool is_created_ = false;
  mutable std::vector<Task> tasks_;     // of creation
  mutable std::string description_;     // of creation
  mutable std::mutex lines_mutex_;      // also for creation_, as threads of the plugin may log
  mutable std::vector<LogLine> lines_;  // during creation: logged once the instance starts
  std::vector<std::thread> threads_;    // of tasks, from prepare() on
  std::optional<EventFd> stop_;         // readable when tasks must end
  bool started_ = false;
  std::atomic<bool> begin_{false};  // threads wait for it; started_ tells them whether to run
  mutable Gauges gauges_;
  mutable std::mutex health_mutex_;
  mutable Health health_;  // guarded by health_mutex_
};

}  // namespace gatehouse::core
