#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "schema.h"

namespace acme::fallback {
namespace {

using namespace gatehouse;

/// Holds STEP_START back until content follows, so that a model that fails between the two can
/// still be replaced.
class FirstContent final : public Sink {
 public:
  explicit FirstContent(Sink& out) : out_(out) {}

  Status emit(Event e) override {
    if (has_passed_ || e.kind() == GH_EV_WARNING) return out_.emit(e);
    if (e.kind() == GH_EV_STEP_START) return {};
    has_passed_ = true;
    if (Status s = out_.emit(event::step_start()); !s) return s;
    return out_.emit(e);
  }
  bool has_passed() const { return has_passed_; }

 private:
  Sink& out_;
  bool has_passed_ = false;
};

/// Tries the next model when one fails before it has produced anything.
class Fallback final : public Plugin {
 public:
  Fallback(Host host, Json config)
      : host_(host),
        fallbacks_(Series(host, GH_COUNTER, "acme_fallbacks_total",
                          "Chats that were sent to another model after a failure.",
                          {{"plugin", host.instance()}})) {
    for (const auto [model, candidates] : config["models"].members()) {
      for (const Json candidate : candidates)
        candidates_[std::string(model)].emplace_back(candidate.str());
    }
  }

  Status handle(Exchange& x, Sink& out, Next& next) override {
    const auto found = candidates_.find(x.chat()["model"].str());
    if (found == candidates_.end()) return next(x, out);

    const auto& candidates = found->second;
    for (std::size_t i = 0;; ++i) {
      x.chat().edit("model").set(View(candidates[i]));
      FirstContent sink(out);
      Status status = next(x, sink);
      const bool is_last = i + 1 == candidates.size();
      if (is_last || sink.has_passed() || !another_may_succeed(status.failure())) return status;
      fallbacks_.record();
      host_.log(GH_WARN, &x,
                candidates[i] + " failed: " + std::string(status.failure().code()) + ", trying " +
                    candidates[i + 1]);
    }
  }

 private:
  static bool another_may_succeed(const Failure& failure) {
    return failure.has(GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM | GH_FAIL_SUSPECT);
  }

  const Host host_;
  const Series fallbacks_;
  std::map<std::string, std::vector<std::string>, std::less<>> candidates_;
};

}  // namespace
}  // namespace acme::fallback

GATEHOUSE_PLUGIN(acme::fallback::Fallback, "fallback", "1.0.0",
                 "Tries other models after a failure", GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
