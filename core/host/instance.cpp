#include "core/host/instance.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/exchange/detached.h"
#include "core/host/tables.h"
#include "core/json/json.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

const char* text_or(const char* version) { return version ? version : "(none)"; }

bool has_state(const gh_plugin& plugin) {
  return plugin.adopt || (GH_HAS(gh_plugin, &plugin, save) && plugin.save);
}

}  // namespace

Instance::Instance(const gh_plugin& plugin, std::string name, std::string_view config,
                   const Surroundings& surroundings, const Creation& creation)
    : gh_host{},
      plugin_(plugin),
      name_(std::move(name)),
      label_(PluginLabel::of(name_, text_or(plugin.version), plugin.flags & GH_PLUGIN_BLOCKS)),
      surroundings_(surroundings),
      log_(surroundings.gateway.log),
      gauges_(surroundings.gateway.metrics) {
  fill_host(*this);
  instance = raw(name_);
  exposed = surroundings_.exposed;
  JsonArena arena;
  std::string_view error;
  bool has_reported = false;
  const Creation watched{creation.routes,
                         creation.admin_routes,
                         creation.around,
                         creation.failure_forms,
                         creation.models,
                         [&](std::string_view pointer, std::string_view text) {
                           has_reported = true;
                           creation.problem(pointer, text);
                         },
                         creation.warning};
  creation_ = &watched;
  const gh_json* const parsed = arena.parse(std::string(config), error);
  const gh_status status = [&] {
    const InPlugin in(label_, "creating an instance");
    return plugin_.create(this, parsed, &self_);
  }();
  {
    const std::lock_guard lock(lines_mutex_);
    creation_ = nullptr;
  }
  is_created_ = status == GH_OK;
  if (status != GH_OK && !has_reported)
    creation.problem("", "the plugin failed to create an instance and reported no problem");
}

std::int32_t Instance::add_route(std::string_view method, std::string_view path) const {
  return creation_ ? claim(creation_->routes, {std::string(method), std::string(path), this, {}})
                   : -1;
}

std::int32_t Instance::add_admin_route(std::string_view method, std::string_view path,
                                       std::string_view summary) const {
  if (!creation_) return -1;
  return kFirstAdminRoute -
         claim(creation_->admin_routes,
               {std::string(method), "/" + name_ + std::string(path), this, std::string(summary)});
}

std::int32_t Instance::claim(std::vector<Route>& routes, Route wanted) const {
  for (const Route& r : routes) {
    if (r.method != wanted.method || r.path != wanted.path) continue;
    problem("", r.method + " " + r.path + " is already claimed by another plugin of this pipeline");
  }
  routes.push_back(std::move(wanted));
  return static_cast<std::int32_t>(routes.size() - 1);
}

void Instance::add_around(const Around& around) const {
  if (creation_) creation_->around.push_back(around);
}

void Instance::add_failure_form(FailureForm form) const {
  if (creation_) creation_->failure_forms.push_back(std::move(form));
}

void Instance::describe(std::string_view document) const {
  if (!creation_) return;
  const bool is_object = nlohmann::json::parse(document, nullptr, false).is_object();
  if (!is_object) problem("", "its OpenAPI description is not a JSON object");
  description_ = document;
}

void Instance::add_task(void (*run)(void*, gh_exchange*), void* self) const {
  if (creation_) tasks_.push_back({run, self});
}

void Instance::problem(std::string_view pointer, std::string_view text) const {
  if (creation_) creation_->problem(pointer, text);
}

void Instance::warning(std::string_view pointer, std::string_view text) const {
  if (creation_) creation_->warning(pointer, text);
}

void Instance::log(Level level, std::string_view request_id, std::string_view message,
                   std::string_view fields) const {
  {
    const std::lock_guard lock(lines_mutex_);
    if (creation_) return lines_.push_back({level, std::string(message), std::string(fields)});
  }
  log_.write(level, name_, request_id, message, fields);
}

Instance::~Instance() {
  stop();
  for (std::thread& thread : threads_) thread.join();
  const InPlugin in(label_, "destroying an instance");
  if (is_created_) plugin_.destroy(self_);
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
  for (const LogLine& l : lines_) log_.write(l.level, name_, {}, l.message, l.fields);
  lines_.clear();
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
    Detached work(stop_->fd());
    const Exchange& x = work.x;
    const InPlugin in(label_, "working in the background");
    task.run(task.self, &work.x);
    // Other failures are those of requests that it sent.
    if (x.failure() && x.failure()->code == "plugin_error") ended = x.failure()->detail;
  } catch (...) {  // the facade catches on the plugin's side; this is for plugins without it, and
                   // for a lack of memory
    ended = "it threw an exception";
  }
  if (!ended.empty()) log_.write(Level::kError, name_, {}, "background task failed: " + ended);
}

void Instance::take_over(const Instance& older) {
  const InPlugin in(label_, "taking over state");
  if (&plugin_ == &older.plugin_) {
    if (adopt(older) != GH_OK)
      log_.write(Level::kWarn, name_, {}, "could not take over state from before the reload");
    return;
  }
  if (std::strcmp(plugin_.name, older.plugin_.name) != 0 || !has_state(older.plugin_)) return;
  const std::string lost = restore(older);
  const Log::Fields versions = {{"from", text_or(older.plugin_.version)},
                                {"to", text_or(plugin_.version)}};
  if (lost.empty()) {
    log_.write(Level::kInfo, name_, {}, "took over the state of another version",
               Log::text_of(versions));
  } else {
    log_.write(Level::kWarn, name_, {}, "the state from before the reload is lost: " + lost,
               Log::text_of(versions));
  }
}

gh_status Instance::adopt(const Instance& older) {
  if (!plugin_.adopt) return GH_OK;
  try {
    return plugin_.adopt(self_, older.self_);
  } catch (...) {  // the facade catches on the plugin's side; this is for plugins without it
    return GH_FAILED;
  }
}

/// Returns why the state of other code is not taken over; empty: it is.
std::string Instance::restore(const Instance& older) {
  const gh_plugin& from = older.plugin_;
  if (!GH_HAS(gh_plugin, &from, save) || !from.save) return "the old version has no save()";
  if (!GH_HAS(gh_plugin, &plugin_, restore) || !plugin_.restore)
    return "the new version has no restore()";
  std::optional<std::string> saved;
  const auto keep = [](void* to, gh_str bytes) {
    *static_cast<std::optional<std::string>*>(to) = std::string(view(bytes));
  };
  try {
    if (from.save(older.self_, keep, &saved) != GH_OK || !saved)
      return "save() of the old version failed";
    const gh_status status = plugin_.restore(self_, raw(*saved));
    if (status == GH_UNSUPPORTED)
      return "the new version does not know the format that the old one has saved";
    return status == GH_OK ? "" : "restore() of the new version failed";
  } catch (...) {  // the facade catches on the plugin's side; this is for plugins without it
    return "an exception was thrown";
  }
}

void Instance::set_health(int state, std::string_view reason) const {
  {
    state = std::clamp(state, int{GH_UP}, int{GH_DOWN});
    const std::lock_guard lock(health_mutex_);
    const bool same = health_.state == state;
    health_.reason = reason;
    if (same) return;
    health_.state = state;
    health_.since = std::chrono::system_clock::now();
  }
  constexpr const char* kWords[] = {"healthy again", "degraded", "down"};
  const Level level = state == GH_UP ? Level::kInfo : Level::kWarn;
  const char* const word = kWords[state];
  log(level, {}, word, Log::text_of({{"reason", reason}}));
}

Instance::Health Instance::health() const {
  const std::lock_guard lock(health_mutex_);
  return health_;
}

}  // namespace gatehouse::core
