#pragma once

#include "core/net/activity.h"
#include "core/pipeline/pipeline.h"

namespace gatehouse::core {

/// One call of one layer, on the stack of its request, and the sink that the layer is given.
struct Frame : gh_sink {
  Frame(const Pipeline& in, std::size_t at, Exchange& of, const gh_sink* to, Frame* around)
      : gh_sink{sizeof(gh_sink), 0, this, first_event},
        pipeline(in),
        index(at),
        layer(*in.layers_[at]),
        x(of),
        out(to),
        outer(around),
        began(Clock::now()),
        activity(Activity::here()),
        around_call(activity.enter({&label(), "handling a request"}, began)) {
    x.frame = this;
  }
  ~Frame() {
    x.frame = outer;
    activity.enter(around_call, ended);
  }
  Frame(const Frame&) = delete;

  /// Calls the layer.
  gh_status call(const gh_sink* sink);
  /// Counts the call, which has ended with `status`.
  void count(gh_status status);
  /// Counts the layer's first event, and steps aside for those that follow.
  static gh_status first_event(void* self, const gh_event* e);
  bool has_emitted() const { return emit != first_event; }
  const std::string& name() const { return layer.instance->name(); }
  const PluginLabel& label() const { return layer.instance->label(); }

  const Pipeline& pipeline;
  const std::size_t index;
  const Pipeline::Layer& layer;
  Exchange& x;
  const gh_sink* const out;
  Frame* const outer;
  const Clock::time_point began;
  Activity& activity;
  const Activity::Call around_call;
  Clock::time_point ended{};    // of handle()
  Clock::duration inside = {};  // time spent in the layers below
  bool went_on = false;         // called next()
};

/// One call of a layer inside the instances that are called around it; `place` is the next of
/// those.
struct Surrounded {
  gh_status call(gh_exchange* x, const gh_sink* out);

  Frame& frame;
  std::size_t place = 0;
};

}  // namespace gatehouse::core
