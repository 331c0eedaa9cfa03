/// Events, of which a response consists, and sinks, where they go.
#pragma once

#include <cstdint>

#include "gatehouse/abi/event.h"
#include "gatehouse/json.hpp"
#include "gatehouse/status.hpp"

namespace gatehouse {
inline namespace v1 {

/// One event of a response; abi/event.h lists the members of each kind. A view, valid during
/// emit().
class Event {
 public:
  Event(const gh_event& raw) : raw_(&raw) {}
  int kind() const { return raw_->kind; }
  bool has(int flag) const { return (raw_->flags & flag) != 0; }
  View id() const { return view(raw_->id); }
  View name() const { return view(raw_->name); }
  View text() const { return view(raw_->text); }
  Json json() const { return Json(raw_->json); }
  Json metadata() const { return Json(raw_->metadata); }
  const gh_event& raw() const { return *raw_; }

  /// Copies with one member changed, to be emitted at once: out.emit(e.with_text(masked)). What the
  /// plugin does not know of the event stays.
  gh_event with_text(View text) const {
    return with([&](gh_event& e) { e.text = gatehouse::raw(text); });
  }
  gh_event with_id(View id) const {
    return with([&](gh_event& e) { e.id = gatehouse::raw(id); });
  }
  gh_event with_name(View name) const {
    return with([&](gh_event& e) { e.name = gatehouse::raw(name); });
  }
  gh_event with_json(Json json) const {
    return with([&](gh_event& e) { e.json = json.raw(); });
  }
  gh_event with_flag(int flag) const {
    return with([&](gh_event& e) { e.flags = static_cast<std::uint16_t>(e.flags | flag); });
  }

 private:
  template <class F>
  gh_event with(F change) const {
    gh_event copy = *raw_;
    change(copy);
    return copy;
  }
  const gh_event* raw_;
};

/// Where events go. To watch or change a response derive from it, pass your sink to next() and
/// forward to `out`.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Not ok: the reader has gone or time is up; stop producing and return the status.
  virtual Status emit(Event event) = 0;

  /// Set for a sink of the host, so that passing it on costs nothing.
  virtual const gh_sink* host_sink() const { return nullptr; }
};

namespace detail {
class HostSink final : public Sink {
 public:
  HostSink(const gh_sink* sink, const gh_exchange* x) : sink_(sink), exchange_(x) {}
  Status emit(Event event) override {
    return Status(sink_->emit(sink_->self, &event.raw()), exchange_);
  }
  const gh_sink* host_sink() const override { return sink_; }

 private:
  const gh_sink* sink_;
  const gh_exchange* exchange_;
};
}  // namespace detail

}  // namespace v1
}  // namespace gatehouse
