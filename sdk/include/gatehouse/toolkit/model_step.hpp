/// The step of a provider's response.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gatehouse/document.hpp"
#include "gatehouse/toolkit/token_counts.hpp"
#include "gatehouse/toolkit/unhonoured.hpp"

namespace gatehouse {
inline namespace v1 {

/// Begins the step with its first event, so that nothing reaches the client before there is
/// something to show, and a failure until then has a status and can be retried.
class ModelStep final : public Sink {
 public:
  /// `unhonoured`: warnings to begin with; null: none.
  ModelStep(Sink& out, const Unhonoured* unhonoured) : out_(out), unhonoured_(unhonoured) {}

  Status begin() {
    if (has_begun_) return {};
    has_begun_ = true;
    if (unhonoured_) {
      if (Status s = unhonoured_->warn(out_); !s) return s;
    }
    if (Status s = out_.emit(event::step_start()); !s) return s;
    if (Status s = emit_usage(usage_); !s) return s;
    for (const auto& [kind, metadata] : held_) {
      gh_event e = event::text({}, metadata.root());
      e.kind = static_cast<std::uint16_t>(kind);
      if (Status s = out_.emit(e); !s) return s;
    }
    return {};
  }
  Status emit(Event e) override {
    if (Status s = begin(); !s) return s;
    return out_.emit(e);
  }
  /// Metadata without text: emitted once there is something to show.
  void hold(int kind, Document metadata) {
    constexpr std::size_t kMost = 100;
    if (held_.size() < kMost) held_.emplace_back(kind, std::move(metadata));
  }
  /// Token counts: emitted at the beginning of the step.
  void hold_usage(const TokenCounts& counts) { usage_ = counts; }
  /// Unless none is known.
  Status emit_usage(const TokenCounts& counts) {
    const Document usage;
    counts.write(usage.root());
    return usage.root().is_object() ? emit(event::usage(usage.root())) : Status();
  }
  bool has_begun() const { return has_begun_; }

 private:
  Sink& out_;
  const Unhonoured* const unhonoured_;
  TokenCounts usage_;
  std::vector<std::pair<int, Document>> held_;
  bool has_begun_ = false;
};

}  // namespace v1
}  // namespace gatehouse
