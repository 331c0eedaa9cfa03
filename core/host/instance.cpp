#include "core/host/instance.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <sstream>

#include "core/config/document.h"
#include "core/exchange/exchange.h"
#include "core/exchange/nobody.h"
#include "core/host/crypto_table.h"
#include "core/host/http_table.h"
#include "core/host/models_table.h"
#include "core/host/status_table.h"
#include "core/host/store_table.h"
#include "core/host/wait_table.h"
#include "core/json/json.h"
#include "core/loader/file_stamp.h"
#include "core/version.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {

namespace {

const void* find_extension(std::string_view id) {
  if (id == GH_HTTP_1) return &http_table();
  if (id == GH_STORE_1) return &store_table();
  if (id == GH_WAIT_1) return &wait_table();
  if (id == GH_CRYPTO_1) return &crypto_table();
  if (id == GH_STATUS_1) return &status_table();
  if (id == GH_MODELS_1) return &models_table();
  return nullptr;
}

gh_json* load_checked(const gh_host* h, gh_str path, gh_str schema, void* to,
                      void (*problem)(void*, gh_str)) {
  std::string lines;
  try {
    Problems problems;
    const auto text =
        load_document(Instance::of(h).surroundings().folder / view(path), view(schema), problems);
    gh_str error{};
    if (gh_json* const root = text ? json_api().parse(raw(*text), &error) : nullptr) return root;
    std::stringstream all;
    all << problems;
    lines = all.str() + std::string(view(error));
  } catch (const std::exception& e) {  // the schema is none
    lines = e.what();
  }
  std::stringstream all(lines);
  for (std::string line; std::getline(all, line);) problem(to, raw(line));
  return nullptr;
}

std::uint64_t stamp_of_file(const gh_host* h, gh_str path) {
  struct stat s {};
  if (::stat((Instance::of(h).surroundings().folder / view(path)).c_str(), &s) != 0) return 0;
  std::uint64_t stamp =
      1469598103934665603u;  // FNV-1a, https://datatracker.ietf.org/doc/html/draft-eastlake-fnv
  for (const std::int64_t part : stamp_of(s))
    stamp = (stamp ^ static_cast<std::uint64_t>(part)) * 1099511628211u;
  return stamp | 1;
}

}  // namespace

Instance::Instance(const gh_plugin& plugin, std::string name, std::string_view config,
                   const Surroundings& surroundings, const Creation& creation)
    : gh_host{},
      plugin_(plugin),
      name_(std::move(name)),
      surroundings_(surroundings),
      log_(surroundings.gateway.log) {
  fill_table();
  JsonArena arena;
  std::string_view error;
  bool told = false;
  const Creation watched{creation.routes, creation.admin_routes, creation.models,
                         [&](std::string_view pointer, std::string_view text) {
                           told = true;
                           creation.problem(pointer, text);
                         },
                         creation.warning};
  creation_ = &watched;
  const gh_status status = plugin_.create(this, arena.parse(config, error), &self_);
  creation_ = nullptr;
  if (status != GH_OK && !told)
    creation.problem("", "the plugin could not be created, and did not say why");
}

/// Everything the plugin may call.
void Instance::fill_table() {
  gh_host& host = *this;
  host.size = sizeof(gh_host);
  host.abi_major = GH_ABI_MAJOR;
  host.abi_minor = GH_ABI_MINOR;
  host.version = raw(kVersion);
  host.instance = raw(name_);
  host.json = &json_api();
  host.exchange = &exchange_api();
  host.problem = [](const gh_host* h, gh_str pointer, gh_str text) {
    const Instance& i = of(h);
    if (i.creation_) i.creation_->problem(view(pointer), view(text));
  };
  host.route = [](const gh_host* h, gh_str method, gh_str path) -> std::int32_t {
    const Instance& i = of(h);
    return i.creation_ ? i.add_route(i.creation_->routes, view(method), std::string(view(path)))
                       : -1;
  };
  host.log = [](const gh_host* h, int level, gh_exchange* x, gh_str message,
                const gh_json* fields) {
    const Instance& i = of(h);
    const Level l = level >= GH_ERROR  ? Level::kError
                    : level == GH_WARN ? Level::kWarn
                    : level == GH_INFO ? Level::kInfo
                                       : Level::kDebug;
    if (!i.log_.enabled(l)) return;
    std::string text;
    if (fields) core::dump(fields, text);
    if (i.creation_) return i.said_.push_back({l, std::string(view(message)), std::move(text)});
    i.log_.write(l, i.name_,
                 x ? std::string_view(Exchange::of(x).request_id()) : std::string_view(),
                 view(message), text);
  };
  host.health = [](const gh_host* h, int state, gh_str reason) {
    of(h).set_health(state, view(reason));
  };
  host.now_ns = [](const gh_host*) -> std::int64_t {
    return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
  };
  host.wall_ns = [](const gh_host*) -> std::int64_t {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  host.sleep = [](const gh_host*, gh_exchange* x, std::int64_t ns) {
    Waiter& waiter = Exchange::of(x).waiter();
    const std::chrono::nanoseconds time(std::clamp<std::int64_t>(
        ns, 0, std::chrono::nanoseconds(std::chrono::hours(24 * 365)).count()));
    return Exchange::as_status(waiter.wait(-1, 0, Clock::now() + time));
  };
  host.extension = [](const gh_host*, const char* id) { return find_extension(id); };
  host.admin_route = [](const gh_host* h, gh_str method, gh_str path) -> std::int32_t {
    const Instance& i = of(h);
    return i.creation_ ? kFirstAdminRoute - i.add_route(i.creation_->admin_routes, view(method),
                                                        "/" + i.name_ + std::string(view(path)))
                       : -1;
  };
  host.background = [](const gh_host* h, void (*run)(void*, gh_exchange*), void* self) {
    if (of(h).creation_) of(h).tasks_.push_back({run, self});
  };
  host.series = [](const gh_host* h, int kind, gh_str name, gh_str help, const gh_label* labels,
                   std::size_t count) -> std::int32_t {
    if (kind < GH_COUNTER || kind > GH_TOKENS) return -1;
    Metrics::Labels list;
    for (std::size_t i = 0; i < count; ++i)
      list.emplace_back(view(labels[i].name), view(labels[i].value));
    return of(h).surroundings_.gateway.metrics.series(static_cast<Metrics::Kind>(kind), view(name),
                                                      view(help), list);
  };
  host.record = [](const gh_host* h, std::int32_t id, double value) {
    of(h).surroundings_.gateway.metrics.record(id, value);
  };
  host.load = load_checked;
  host.warning = [](const gh_host* h, gh_str pointer, gh_str text) {
    const Instance& i = of(h);
    if (i.creation_) i.creation_->warning(view(pointer), view(text));
  };
  host.stamp = stamp_of_file;
  host.exposed = surroundings_.exposed;
}

std::int32_t Instance::add_route(std::vector<Route>& routes, std::string_view method,
                                 std::string path) const {
  for (const Route& r : routes) {
    if (r.method == method && r.path == path)
      creation_->problem(
          "", r.method + " " + r.path + " is already answered by another plugin of this pipeline");
  }
  routes.push_back({std::string(method), std::move(path), this});
  return static_cast<std::int32_t>(routes.size() - 1);
}

Instance::~Instance() {
  stop();
  for (std::thread& thread : threads_) thread.join();
  if (self_) plugin_.destroy(self_);
}

void Instance::prepare() {
  if (tasks_.empty()) return;
  stop_.emplace();
  threads_.reserve(tasks_.size());
  for (const Task& task : tasks_) {
    threads_.emplace_back([this, task] {
      begin_.wait(false);
      if (started_) run_task(task);
    });
  }
}

void Instance::start() {
  for (const Said& words : said_) log_.write(words.level, name_, {}, words.message, words.fields);
  said_.clear();
  started_ = true;
  begin_ = true;
  begin_.notify_all();
}

void Instance::stop() {
  if (stop_) stop_->signal();
  begin_ = true;
  begin_.notify_all();
}

void Instance::run_task(const Task& task) const {
  std::string ended;  // why it should not have
  try {
    static const RequestHead kNoHead{};
    Nobody nobody;
    Waiter waiter(-1, stop_->fd(), Clock::time_point::max(),
                  [] { return Clock::time_point::max(); });
    Exchange x(kNoHead, {}, nobody, waiter);
    task.run(task.self, &x);
    // Other failures are those of requests that it sent.
    if (x.failure() && x.failure()->code == "plugin_error") ended = x.failure()->detail;
  } catch (...) {  // the facade catches on the plugin's side; this is for plugins without it, and
                   // for a lack of memory
    ended = "it threw an exception";
  }
  if (!ended.empty())
    log_.write(Level::kError, name_, {}, "the work in the background has ended: " + ended);
}

void Instance::adopt(const Instance& older) {
  if (&plugin_ != &older.plugin_ || !plugin_.adopt) return;
  gh_status status = GH_FAILED;
  try {
    status = plugin_.adopt(self_, older.self_);
  } catch (...) {  // the facade catches on the plugin's side; this is for plugins without it
  }
  if (status != GH_OK) {
    log_.write(Level::kWarn, name_, {},
               "the state of the instance before the reload could not be taken over", {});
  }
}

void Instance::set_health(int state, std::string_view reason) const {
  {
    const std::lock_guard lock(health_mutex_);
    const bool same = health_.state == state;
    health_.reason = reason;
    if (same) return;
    health_.state = std::clamp(state, int{GH_UP}, int{GH_DOWN});
    health_.since = std::chrono::system_clock::now();
  }
  constexpr const char* kWords[] = {"healthy again", "degraded", "down"};
  const Level level = state == GH_UP ? Level::kInfo : Level::kWarn;
  const char* const word = kWords[std::clamp(state, 0, 2)];
  if (creation_) return said_.push_back({level, word, object_of("reason", reason)});
  log_.write(level, name_, {}, word, object_of("reason", reason));
}

Instance::Health Instance::health() const {
  const std::lock_guard lock(health_mutex_);
  return health_;
}

}  // namespace gatehouse::core
