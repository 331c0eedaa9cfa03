#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/store/takes.h"
#include "gatehouse/testing.hpp"

namespace gatehouse::testing {

/// What a harness keeps beside what its test sees.
struct State {
  explicit State(Harness& h);

  struct Series {
    int kind;
    std::string name;
    // What is the same for all series of a name: kind, help, names of the labels.
    std::string family;
    std::string labels;
  };
  struct Kept {
    std::chrono::nanoseconds ends;
    bool counts;  // a key is for one thing: a value or a counter
  };
  struct Task {
    void (*run)(void* self, gh_exchange*);
    void* self;
  };
  struct Around {
    gh_status (*handle)(void* self, gh_exchange*, const gh_sink* out, const gh_next* next);
    void* self;
  };

  struct FailureForm {
    std::string path, header;
    void (*render)(void* self, gh_exchange*, const gh_failure*, void* to,
                   void (*append)(void* to, gh_str bytes));
    void* self;
  };

  /// An instance of the plugin, made as the gateway makes it. Throws when the configuration is not
  /// valid by its schema.
  static std::unique_ptr<Plugin> create(Harness& h, const gh_plugin& plugin, View config);
  static State& of(const gh_host* host) { return *static_cast<const GhHost*>(host)->state; }

  std::chrono::nanoseconds now() {
    const std::lock_guard lock(mutex);
    return time;
  }
  /// With the lock held.
  void advance_to(std::chrono::nanoseconds until);
  /// A rule that a plugin has broken: run() throws it when the harness is strict.
  void fault(const std::string& what) {
    const std::lock_guard lock(mutex);
    if (is_strict) faults.push_back(what);
  }

  /// Wherever a function of the host may wait: other requests may run then.
  void run_meanwhile() {
    std::function<void()> others;
    {
      const std::lock_guard lock(mutex);
      others = std::exchange(meanwhile, nullptr);
    }
    if (!others) return;
    others();
    const std::lock_guard lock(mutex);
    meanwhile = std::move(others);
  }

  struct GhHost : gh_host {
    State* state;
  };

  static constexpr std::chrono::nanoseconds kStart = std::chrono::hours(1);  // any but 0 will do

  Harness& harness;
  GhHost host{};
  bool is_strict = false;
  std::vector<std::string> faults;

  std::mutex mutex;  // guards the clock and all that is recorded
  std::chrono::nanoseconds time = kStart;
  std::map<std::string, Kept> kept;          // more about what is in harness.store
  std::map<std::string, core::Takes> takes;  // by the key of the quota
  std::vector<Series> series;                // the index is the id
  std::vector<Task> tasks;
  std::map<int, Around> around;  // by place
  std::vector<FailureForm> failure_forms;
  std::deque<Document> configs;
  std::set<std::string> extensions;  // that plugins have looked up
  std::function<void()> meanwhile;   // of run_meanwhile(); empty: nothing runs
};

inline bool has(const Headers& headers, View name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& h) { return equals_ignoring_case(h.first, name); });
}

std::string join(const Headers& headers, View name);

// The tables that play the gateway.
const gh_exchange_api& exchange_table();
const gh_client_api& client_table();
const gh_share_api& share_table();
const gh_http_api& http_table();
const gh_store_api& store_table();
const gh_counters_api& counters_table();
const gh_wait_api& wait_table();
/// Everything but the name of the instance.
void fill_host(gh_host& host);
/// What route of an admin address is called, by its place in Harness::admin_routes.
std::int32_t admin_id(std::size_t index);

}  // namespace gatehouse::testing
