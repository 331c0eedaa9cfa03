#include "core/pipeline/pipeline.h"

#include <algorithm>
#include <system_error>

#include "core/json/guarded.h"
#include "core/json/json.h"
#include "core/pipeline/frame.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

std::uint64_t in_ns(Clock::duration time) { return static_cast<std::uint64_t>(time.count()); }

gh_status plugin_error(Exchange& x, const std::string& what) {
  return x.fail({500, "plugin_error", "The request could not be processed.", what});
}

/// What `call` returns, which calls a plugin.
template <class F>
[[gnu::always_inline]] inline gh_status caught(Exchange& x, F call) {
  try {
    return call();
  } catch (...) {  // the facade catches on the plugin's side; this is for plugins without it
    return plugin_error(x, "threw an exception");
  }
}

std::string word_of(gh_status status) {
  switch (status) {
    case GH_INVALID: return "GH_INVALID";
    case GH_ABSENT: return "GH_ABSENT";
    case GH_FAILED: return "GH_FAILED";
    case GH_UNSUPPORTED: return "GH_UNSUPPORTED";
    case GH_UNAVAILABLE: return "GH_UNAVAILABLE";
    default: return "the unknown status " + std::to_string(status);
  }
}

/// Every provider has passed the chat on.
gh_status no_provider(Exchange& x) {
  const std::string_view model = view(json_api().str(json_api().get(x.chat(), raw("model"))));
  const std::string named = model.empty() ? "" : " " + std::string(model.substr(0, 200));
  return x.fail({404, "model_not_found", "No provider serves the model" + named + ".",
                 "add a provider that serves it at the end of the pipeline"});
}

gh_status no_admin_route(Exchange& x) {
  return x.fail({404, "not_found", "There is nothing at this path of the admin address.", {}});
}

}  // namespace

// Inlined, as is caught(): the stack of a waiting request would have their frames for each layer.

[[gnu::always_inline]] inline gh_status Pipeline::handle(const Instance& instance, Exchange& x,
                                                         const gh_sink& out, const gh_next& next) {
  return caught(x, [&] { return instance.handle(&x, &out, &next); });
}

[[gnu::always_inline]] inline gh_status Frame::call(const gh_sink* sink) {
  const Instance& instance = *layer.instance;
  const gh_next next{sizeof(gh_next), 0, this, guarded<Pipeline::call_next, GH_UNAVAILABLE>};
  const gh_status status = Pipeline::handle(instance, x, *sink, next);
  return pipeline.settle(instance, x, status, went_on || has_emitted());
}

bool Pipeline::Layer::takes(std::string_view method, std::string_view path) const {
  if (!when) return true;
  const std::string_view wanted = when->path;
  const bool prefix = !wanted.empty() && wanted.back() == '*';
  const bool path_fits =
      wanted.empty() ||
      (prefix ? path.starts_with(wanted.substr(0, wanted.size() - 1)) : path == wanted);
  return path_fits &&
         (when->methods.empty() ||
          std::find(when->methods.begin(), when->methods.end(), method) != when->methods.end());
}

std::vector<Route>::const_iterator Pipeline::route_of(const RequestHead& head) const {
  const std::string_view method = head.method == "HEAD" ? "GET" : head.method;  // RFC 9110 9.3.2
  const auto first = [&](const auto& leads) {
    return std::find_if(routes_.begin(), routes_.end(),
                        [&](const Route& r) { return r.method == method && leads(r); });
  };
  const auto exact = first([&](const Route& r) { return r.path == head.path; });
  if (exact != routes_.end()) return exact;
  return first([&](const Route& r) { return r.is_pattern() && r.leads_to(head.path); });
}

gh_status Pipeline::run(Exchange& x, const gh_sink& out) const {
  const auto found = route_of(x.head());
  if (found != routes_.end()) {
    x.route = static_cast<int>(found - routes_.begin());
    x.route_path = found->path;
  }
  x.spent.assign(layers_.size(), Clock::duration::zero());
  Activity::here().set_request(x.request_id());
  return call(0, x, &out, nullptr);
}

bool Pipeline::is_probe(const RequestHead& head) const {
  const auto found = route_of(head);
  return found != routes_.end() && Instance::of(found->owner).plugin().flags & GH_PLUGIN_PROBES;
}

bool Pipeline::may_block() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const auto& layer) {
    return (layer->instance->plugin().flags & GH_PLUGIN_BLOCKS) != 0;
  });
}

gh_status Pipeline::run_admin(Exchange& x, const gh_sink& out) const {
  const auto found = std::find_if(admin_routes_.begin(), admin_routes_.end(), [&](const Route& r) {
    return r.path == x.head().path && r.method == x.head().method;
  });
  if (found == admin_routes_.end()) return no_admin_route(x);
  x.route = kFirstAdminRoute - static_cast<int>(found - admin_routes_.begin());
  x.route_path = found->path;
  const gh_next next{sizeof(gh_next), 0, nullptr, [](void*, gh_exchange* raw, const gh_sink*) {
                       return no_admin_route(Exchange::of(raw));
                     }};
  const Instance& owner = Instance::of(found->owner);
  const InPlugin in(owner.label(), "handling an admin request", x.request_id());
  const gh_status status = handle(owner, x, out, next);
  return settle(owner, x, status, x.client().begun());
}

void Pipeline::refused(Exchange& x) const {
  constexpr const char* kHelp = "Requests that the server rejected before any plugin was called.";
  Metrics& metrics = gateway_.metrics;
  metrics.record(metrics.series(Metrics::kCounter, "gatehouse_refusals_total", kHelp,
                                {{"code", x.failure()->code}}),
                 1);
  for (const auto& layer : layers_) {
    const InPlugin in(layer->instance->label(), "counting a rejected request", x.request_id());
    layer->instance->refused(&x);
  }
}

std::optional<std::string> Pipeline::failure_body(Exchange& x) const {
  const RequestHead& head = x.head();
  const auto writes = [&](const FailureForm& form) {
    return Route::fits(form.path, head.path) &&
           (form.header.empty() || x.header(form.header).data()) &&
           layer_of(form.owner).takes(head.method, head.path);
  };
  const auto form = std::find_if(failure_forms_.begin(), failure_forms_.end(), writes);
  if (form == failure_forms_.end()) return std::nullopt;
  const InPlugin in(Instance::of(form->owner).label(), "reporting a failure", x.request_id());
  std::string body;
  (void)caught(x, [&] {
    form->render(form->self, &x, x.raw_failure(), &body, [](void* to, gh_str bytes) {
      static_cast<std::string*>(to)->append(view(bytes));
    });
    return GH_OK;
  });
  if (body.empty()) return std::nullopt;
  return body;
}

bool Pipeline::is_for(const Layer& layer, const Exchange& x) const {
  const bool is_routed =
      x.route >= 0 &&
      &Instance::of(routes_[static_cast<std::size_t>(x.route)].owner) == layer.instance.get();
  if (!is_routed && (layer.instance->only_routes() || (layer.instance->only_chat() && !x.chat())))
    return false;
  return layer.takes(x.head().method, x.head().path) && may_respond(*layer.instance, x);
}

bool Pipeline::may_respond(const Instance& instance, const Exchange& x) {
  if (!x.chat() || !(instance.plugin().flags & GH_PLUGIN_PROVIDER)) return true;
  const gh_str chosen = json_api().str(json_api().get(x.chat(), raw("provider")));
  return chosen.n == 0 || view(chosen) == instance.name();
}

gh_status Pipeline::call(std::size_t index, Exchange& x, const gh_sink* out, Frame* outer) const {
  if (outer && x.client().ended()) return GH_INVALID;
  x.clear_failure();
  if (outer) outer->went_on = true;
  while (index < layers_.size() && !is_for(*layers_[index], x)) ++index;
  if (index == layers_.size()) return nobody_answered(x);

  Frame frame(*this, index, x, out, outer);
  const gh_status status =
      around_.empty() ? frame.call(&frame) : Surrounded{frame}.call(&x, &frame);
  frame.count(status);
  return status;
}

bool Pipeline::surrounds(const Around& around, const Layer& layer, const Exchange& x,
                         const Frame* outer) const {
  if (!x.chat()) return false;
  const auto has = [](const Layer& one, unsigned flag) {
    return (one.instance->plugin().flags & flag) != 0;
  };
  const bool is_there = around.place == GH_AROUND_MODELS
                            ? has(layer, GH_PLUGIN_PROVIDER)
                            : outer && has(outer->layer, GH_PLUGIN_INGRESS);
  return is_there && layer_of(around.owner).takes(x.head().method, x.head().path);
}

const Pipeline::Layer& Pipeline::layer_of(const gh_host* owner) const {
  const auto found = std::find_if(layers_.begin(), layers_.end(), [&](const auto& one) {
    return one->instance.get() == &Instance::of(owner);
  });
  return **found;
}

gh_status Surrounded::call(gh_exchange* raw_x, const gh_sink* out) {
  const Pipeline& pipeline = frame.pipeline;
  Exchange& x = Exchange::of(raw_x);
  while (place < pipeline.around_.size() &&
         !pipeline.surrounds(pipeline.around_[place], frame.layer, x, frame.outer))
    ++place;
  if (place == pipeline.around_.size()) return frame.call(out);
  const Around& around = pipeline.around_[place];
  Surrounded inner{frame, place + 1};
  const gh_next next{sizeof(gh_next), 0, &inner,
                     [](void* self, gh_exchange* to, const gh_sink* sink) {
                       return static_cast<Surrounded*>(self)->call(to, sink);
                     }};
  const gh_status status = caught(x, [&] { return around.handle(around.self, raw_x, out, &next); });
  return pipeline.settle(Instance::of(around.owner), x, status, true);
}

gh_status Pipeline::settle(const Instance& instance, Exchange& x, gh_status status,
                           bool has_response) const {
  if (status == GH_OK && !has_response)
    status = plugin_error(x, "returned success without a response: emit an event or call next");
  if (status >= 0 || status == GH_CANCELLED) return status;
  if (!x.failure()) status = plugin_error(x, "returned " + word_of(status) + " without a failure");
  if (x.failure()->code == "plugin_error") blame(x, instance.name());
  return status;
}

gh_status Pipeline::call_next(void* self, gh_exchange* x, const gh_sink* out) {
  auto& frame = *static_cast<Frame*>(self);
  return frame.pipeline.call(frame.index + 1, Exchange::of(x), out, &frame);
}

void Frame::count(gh_status status) {
  ended = Clock::now();
  const auto took = ended - began;
  CallCounts::Shard& counts = layer.counts->here();
  counts.add(CallCounts::kCalls);
  counts.add(CallCounts::kTotalNs, in_ns(took));
  counts.add(CallCounts::kSelfNs, in_ns(took - inside));
  if (!went_on) counts.add(CallCounts::kShortCircuits);
  if (status < 0 && status != GH_CANCELLED) counts.add(CallCounts::kFailures);
  x.spent[index] += took - inside;
  if (outer) outer->inside += took;
}

gh_status Frame::first_event(void* self, const gh_event* e) {
  auto& frame = *static_cast<Frame*>(self);
  const gh_sink* const to = frame.out;
  CallCounts::Shard& counts = frame.layer.counts->here();
  counts.add(CallCounts::kAnswers);
  counts.add(CallCounts::kFirstEventNs, in_ns(Clock::now() - frame.began));
  const gh_status status = to->emit(to->self, e);
  // Which may have stepped aside as well. Only members that every version has: the sink may be that
  // of a plugin whose struct is shorter.
  frame.self = to->self;
  frame.emit = to->emit;
  return status;
}

void Pipeline::blame(Exchange& x, const std::string& name) const {
  if (x.is_blamed()) return;
  Failure failure = *x.failure();
  failure.detail = "the plugin " + name + ": " + failure.detail;
  gateway_.log.write(Level::kError, name, x.request_id(), "plugin error",
                     Log::text_of({{"detail", failure.detail}}));
  x.blame(std::move(failure));
}

gh_status Pipeline::nobody_answered(Exchange& x) const {
  if (x.chat()) return no_provider(x);
  const std::string_view path = x.head().path.substr(0, 200);
  std::string allowed;
  for (const Route& r : routes_) {
    if (r.leads_to(x.head().path)) allowed += (allowed.empty() ? "" : ", ") + r.method;
  }
  if (allowed.empty() || x.route >= 0)
    return x.fail({404, "not_found", "There is nothing at " + std::string(path) + ".", {}});
  x.set_header("Allow", allowed);
  return x.fail(
      {405, "method_not_allowed", std::string(path) + " takes only " + allowed + ".", {}});
}

void Pipeline::prepare() {
  for (const auto& layer : layers_) {
    try {
      layer->instance->prepare();
    } catch (const std::system_error& e) {
      throw std::runtime_error("`" + layer->instance->name() +
                               "` cannot begin its work in the background: " + e.code().message() +
                               ": raise the limits of descriptors and threads, or try again when "
                               "fewer requests are running");
    }
  }
}

void Pipeline::start(const Pipeline* older) {
  for (const auto& layer : layers_) {
    if (!older) break;
    for (const auto& old : older->layers_) {
      if (old->instance->name() != layer->instance->name()) continue;
      layer->counts = old->counts;
      layer->instance->take_over(*old->instance);
    }
  }
  for (const auto& layer : layers_) {
    if (!layer->loaded.empty())
      gateway_.log.write(Level::kInfo, layer->instance->name(), {}, "plugin loaded", layer->loaded);
    layer->instance->start();
  }
}

void Pipeline::end(const std::function<void(const std::string&)>& tell) {
  // All at once: what one has to end must not wait for another.
  for (const auto& layer : layers_) layer->instance->stop();
  for (; !layers_.empty(); layers_.pop_back()) tell(layers_.back()->instance->name());
}

std::string Pipeline::picture() const {
  std::string out;
  for (const auto& layer : layers_) out += (out.empty() ? "" : " → ") + layer->instance->name();
  return out;
}

}  // namespace gatehouse::core
