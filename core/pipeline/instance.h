#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/log/log.h"
#include "gatehouse/abi.h"

namespace gatehouse::core {

/// A method and exact path that an instance answers. Its place in the list is its id.
struct Route {
  std::string method, path;
};

/// One configured plugin: the plugin's own object, and the host as that object sees it.
class Instance : private gh_host {
 public:
  /// What the plugin may say while it is created.
  struct Creation {
    std::vector<Route>& routes;
    std::function<void(std::string_view pointer, std::string_view text)> problem;
  };

  /// Creates the plugin's object. When creation.problem was called, the instance is of no use.
  Instance(const gh_plugin& plugin, std::string name, std::string_view config, Log& log_to, const Creation& creation);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  gh_status handle(gh_exchange* x, const gh_sink* out, const gh_next* next) const { return plugin_.handle(self_, x, out, next); }
  /// Takes over what should outlive `older`, if that is of the same plugin.
  void adopt(const Instance& older);

  const std::string& name() const { return name_; }
  bool only_chat() const { return plugin_.flags & GH_PLUGIN_CHAT; }

 private:
  static const Instance& of(const gh_host* host) { return *static_cast<const Instance*>(host); }
  void set_health(int state, std::string_view reason) const;

  const gh_plugin& plugin_;
  const std::string name_;
  Log& log_;
  const Creation* creation_ = nullptr;  // only during creation
  void* self_ = nullptr;
  mutable std::atomic<int> health_{GH_UP};
};

}  // namespace gatehouse::core
