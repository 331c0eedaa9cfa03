#include <pthread.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "core/config/schema.h"
#include "core/host/instance.h"
#include "core/json/json.h"
#include "core/loader/loader.h"
#include "core/testing/exchange.h"

/// The plugin that is linked into the test, if one is.
extern "C" __attribute__((weak)) const gh_plugin gatehouse_plugin_v1;

namespace gatehouse::testing {
namespace {

/// Calls work() as the gateway calls handle(): with a stack of 1 MiB, so that a plugin that needs
/// more fails in its own test. No exception may leave it.
void on_request_stack(std::function<void()> work) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::size_t kStackBytes = 8 << 20;  // frames are many times as large
#else
  constexpr std::size_t kStackBytes = 1 << 20;
#endif
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread{};
  const auto run = [](void* raw_work) -> void* {
    (*static_cast<std::function<void()>*>(raw_work))();
    return nullptr;
  };
  const int error = pthread_create(&thread, &attributes, run, &work);
  pthread_attr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category());
  pthread_join(thread, nullptr);
}

/// An instance behind the interface, in whatever language it is.
class Entry final : public Plugin {
 public:
  Entry(std::shared_ptr<const gh_plugin> plugin, Host host, Json config)
      : plugin_(std::move(plugin)) {
    const gh_status status = plugin_->create(host.raw_host(), config.raw(), &self_);
    if (status == GH_OK) return;
    self_ = nullptr;
    auto& problems = State::of(host.raw_host()).harness.problems;
    if (problems.empty()) problems.push_back(": create() failed and reported no problem");
  }
  ~Entry() override {
    if (self_) plugin_->destroy(self_);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  Status handle(Exchange& x, Sink& out, Next& next) override {
    if (!self_) throw std::logic_error("the plugin reported problems: there is no instance");
    struct Call {
      const gh_plugin& plugin;
      void* self;
      const gh_next* next;
    } call{*plugin_, self_, next.raw()};
    const gh_next entry{sizeof(gh_next), 0, &call,
                        [](void* to, gh_exchange* raw_x, const gh_sink* sink) {
                          const auto& c = *static_cast<Call*>(to);
                          return c.plugin.handle(c.self, raw_x, sink, c.next);
                        }};
    return Next(&entry)(x, out);  // which takes any sink
  }

 private:
  const std::shared_ptr<const gh_plugin> plugin_;
  void* self_ = nullptr;
};

Answer finish(FakeExchange& x, gh_status code) {
  Answer a = std::move(x.answer);
  a.code = code;
  if (code != GH_FAILED) a.failure = {0, {}, {}, {}};
  if (code == GH_FAILED && !x.has_begun) {
    a.status = a.failure.http_status ? a.failure.http_status : 500;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(a.failure.retry_after).count();
    if (seconds > 0) a.headers.emplace_back("Retry-After", std::to_string(seconds));
  }
  if (code == GH_CANCELLED && !x.has_begun) a.status = 504;
  static_cast<Recording&>(a) = std::move(x.client);
  a.notes = x.note_document.root().dump();
  return a;
}

/// The rule that a plugin breaks which returns `code`; empty: none.
View fault_at_the_end(const FakeExchange& x, gh_status code) {
  if (!x.note_document.root().is_object()) return "notes that are no object any more";
  if (code == GH_OK && x.client.events.empty() && !x.went_on) return "success without a response";
  if (code == GH_OK && x.grammar && !x.grammar->is_complete()) {
    return "a response without a finished step";
  }
  const bool is_failure = code < 0 && code != GH_CANCELLED;
  return is_failure && !x.raw_failure ? View("a status of failure without a failure") : View();
}

/// As after a constructor: a plugin that keeps a view of its configuration reads rubbish.
void poison(Json config) {
  const View text = config.str();
  std::fill_n(const_cast<char*>(text.data()), text.size(), '\xDB');
  for (const Json inside : config) poison(inside);
}

Answer run_in(State& state, Plugin& plugin, FakeExchange& x) {
  for (const Document& config : state.configs) poison(config.root());
  const gh_sink sink{sizeof(gh_sink), 0, &x, emit_to_client};
  const gh_next rest{sizeof(gh_next), 0, &x, call_next};
  gh_status code = GH_OK;
  on_request_stack([&] {
    x.thread = std::this_thread::get_id();
    code = gatehouse::detail::Glue<Plugin>::handle(&plugin, x.raw_exchange(), &sink, &rest);
  });
  x.thread = std::this_thread::get_id();
  if (const View fault = fault_at_the_end(x, code); !fault.empty()) state.fault(std::string(fault));
  if (state.faults.empty()) return finish(x, code);
  throw std::logic_error("the plugin breaks a rule: " + std::exchange(state.faults, {}).front());
}

}  // namespace

std::string join(const Headers& headers, View name) {
  std::string out;
  for (const auto& [n, value] : headers) {
    if (equals_ignoring_case(n, name)) out.append(out.empty() ? "" : ", ").append(value);
  }
  return out;
}

std::string Answer::header(View name) const { return join(headers, name); }

State::State(Harness& h) : harness(h) {
  fill_host(host);
  host.state = this;
}

void State::advance_to(std::chrono::nanoseconds until) {
  time = std::max(time, until);
  for (auto entry = kept.begin(); entry != kept.end();) {
    if (entry->second.ends > time) {
      ++entry;
    } else {
      harness.store.erase(entry->first);
      entry = kept.erase(entry);
    }
  }
}

Harness::Harness(const gh_json_api*& json, const gh_exchange_api*& exchange)
    : state_(std::make_unique<State>(*this)) {
  // Not again: other threads may be reading them.
  for (const gh_json_api** const to : {&json, &gatehouse::detail::json}) {
    if (!*to) *to = &core::json_api();
  }
  for (const gh_exchange_api** const to : {&exchange, &gatehouse::detail::exchange}) {
    if (!*to) *to = &exchange_table();
  }
}

Harness::~Harness() = default;

Host Harness::host() const { return Host(&state_->host); }

void Harness::expose() { state_->host.exposed = 1; }

void Harness::be_strict() { state_->is_strict = true; }

Json Harness::json(View text) { return state_->configs.emplace_back(parse(text)).root(); }

Json Harness::config(View text) {
  return &gatehouse_plugin_v1 ? config(text, gatehouse_plugin_v1.config_schema) : json(text);
}

Json Harness::config(View text, View schema) {
  core::Problems found;
  const auto whole = core::configured(text, schema, found);
  if (whole) return json(*whole);
  std::ostringstream all;
  all << "the configuration is not valid by the schema of the plugin:\n" << found;
  throw std::invalid_argument(all.str());
}

std::unique_ptr<Plugin> State::create(Harness& h, const gh_plugin& plugin, View text) {
  return std::make_unique<Entry>(std::shared_ptr<const gh_plugin>(std::shared_ptr<void>(), &plugin),
                                 h.host(), h.config(text, plugin.config_schema));
}

std::unique_ptr<Plugin> Harness::create(View text) {
  if (!&gatehouse_plugin_v1) throw std::logic_error("no plugin is linked into this test");
  return State::create(*this, gatehouse_plugin_v1, text);
}

std::unique_ptr<Plugin> Harness::load(const std::string& file, View text) {
  core::PluginFile found(file);
  auto plugin = found.load();
  return std::make_unique<Entry>(std::move(plugin), host(), config(text, found.note().schema));
}

Answer Harness::get(Plugin& plugin, View target, Headers headers) {
  Request r("GET", target);
  r.headers = std::move(headers);
  return run(plugin, r);
}

Answer Harness::post(Plugin& plugin, View target, View body, Headers headers) {
  Request r("POST", target);
  r.headers = std::move(headers);
  if (!has(r.headers, "Content-Type")) r.headers.emplace_back("Content-Type", "application/json");
  r.body = body;
  return run(plugin, r);
}

Answer Harness::ask(Plugin& plugin, View chat) {
  Request r("POST", "/api/chat");
  r.chat = chat;
  return run(plugin, r);
}

Answer Harness::run(Plugin& plugin, const Request& request) {
  FakeExchange x(*state_, request);
  return run_in(*state_, plugin, x);
}

Answer Harness::admin(Plugin& plugin, std::string method, View path, View body) {
  const Request claimed(method, path);
  const auto route =
      std::find(admin_routes.begin(), admin_routes.end(), claimed.method + " " + claimed.path);
  if (route == admin_routes.end())
    throw std::invalid_argument("no admin route " + claimed.method + " " + claimed.path);

  Request request(std::move(method), std::string("/").append(host().instance()).append(path));
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body;
  FakeExchange x(*state_, request);
  x.admin_route = admin_id(static_cast<std::size_t>(route - admin_routes.begin()));
  return run_in(*state_, plugin, x);
}

Answer Harness::refused(void* plugin, void (*call)(void*, gh_exchange*), const Request& request,
                        Fail why) {
  FakeExchange x(*state_, request);
  (void)x.fail_with(std::move(why));
  call(plugin, x.raw_exchange());
  return std::move(x.answer);
}

Answer Harness::failed(const Request& request, Fail why) {
  FakeExchange x(*state_, request);
  x.answer.status = why.http_status;
  (void)x.fail_with(std::move(why));
  const auto writes = [&](const State::FailureForm& form) {
    return core::Route::fits(form.path, request.path) &&
           (form.header.empty() || has(request.headers, form.header));
  };
  const auto& forms = state_->failure_forms;
  const auto form = std::find_if(forms.begin(), forms.end(), writes);
  if (form == forms.end())
    throw std::invalid_argument("nobody writes the failures of " + request.path);
  form->render(form->self, x.raw_exchange(), &*x.raw_failure, &x.answer.body,
               [](void* to, gh_str bytes) { static_cast<std::string*>(to)->append(view(bytes)); });
  return std::move(x.answer);
}

void Harness::run_background(std::size_t index, std::size_t waits) {
  const State::Task task = state_->tasks.at(index);
  const Request request = no_request();
  FakeExchange x(*state_, request);
  x.waits_left = waits;
  task.run(task.self, x.raw_exchange());
  if (x.answer.failure.code == "plugin_error") throw std::runtime_error(x.answer.failure.detail);
}

Answer Harness::run_around(int place, const Request& request) {
  struct Placed final : Plugin {
    explicit Placed(State::Around a) : around(a) {}
    Status handle(Exchange& x, Sink& out, Next& rest) override {
      return Status(around.handle(around.self, x.raw(), out.host_sink(), rest.raw()), x.raw());
    }
    const State::Around around;
  } placed(state_->around.at(place));
  return run(placed, request);
}

void Harness::advance(std::chrono::nanoseconds time) {
  const std::lock_guard lock(state_->mutex);
  state_->advance_to(state_->time + time);
}

}  // namespace gatehouse::testing
