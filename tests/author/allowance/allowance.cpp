#include <chrono>
#include <cstdint>
#include <string>

#include "gatehouse/plugin.hpp"
#include "schema.h"

namespace acme::allowance {
namespace {

using namespace gatehouse;

/// Sums the tokens of the steps of a response.
class Meter final : public Sink {
 public:
  explicit Meter(Sink& out) : out_(out) {}

  Status emit(Event e) override {
    switch (e.kind()) {
      case GH_EV_STEP_START: end_step(); break;
      case GH_EV_USAGE:
        reported_ = e.json()["input_tokens"].integer() + e.json()["output_tokens"].integer();
        break;
      case GH_EV_TEXT:
      case GH_EV_REASONING:
      case GH_EV_TOOL_INPUT_DELTA: bytes_ += static_cast<std::int64_t>(e.text().size()); break;
      default: break;
    }
    return out_.emit(e);
  }

  /// At the end of the response.
  std::int64_t tokens() {
    end_step();
    return sum_;
  }

 private:
  void end_step() {
    // A step that was cut off has not reported its usage; a token has about 4 bytes of English.
    sum_ += reported_ > 0 ? reported_ : bytes_ / 4;
    reported_ = bytes_ = 0;
  }

  Sink& out_;
  std::int64_t sum_ = 0, reported_ = 0, bytes_ = 0;
};

/// Limits the tokens of each caller in windows of fixed length.
class Allowance final : public Plugin {
 public:
  Allowance(Host host, Json config)
      : host_(host),
        store_(host),
        limit_(config["tokens"].integer()),
        window_(config["window"].duration()) {}

  Status handle(Exchange& x, Sink& out, Next& next) override {
    const auto now = host_.wall();
    const auto begin = now - now % window_;
    const std::string key = caller_of(x) + " " + std::to_string(begin.count());
    auto used = store_.add(x, key, 0, window_);
    if (!used) return without_store(x, used.error(), out, next);
    if (*used >= limit_) {
      return Fail{429,
                  "allowance_exhausted",
                  "Your " + std::to_string(limit_) + " tokens of this window are used up.",
                  {},
                  begin + window_ - now};
    }
    Meter meter(out);
    Status status = next(x, meter);
    spend(x, key, meter.tokens());
    return status;
  }

 private:
  static std::string caller_of(const Exchange& x) {
    const Caller caller = x.caller();
    const View name = caller.key.empty() ? caller.user : caller.key;
    return name.empty() ? std::string(x.client())
                        : std::string(caller.tenant) + "/" + std::string(name);
  }
  /// Tokens are cheaper than an outage.
  Status without_store(Exchange& x, Status why, Sink& out, Next& next) const {
    if (why.code() != GH_UNAVAILABLE) return why;
    host_.log(GH_WARN, &x, "the store is unavailable: tokens are not counted");
    return next(x, out);
  }
  void spend(Exchange& x, View key, std::int64_t tokens) const {
    x.notes().edit("allowance_tokens").set(tokens);
    if (!store_.add(x, key, tokens, window_))
      host_.log(GH_WARN, &x, std::to_string(tokens) + " tokens are not counted");
  }

  const Host host_;
  const Store store_;
  const std::int64_t limit_;
  const std::chrono::nanoseconds window_;
};

}  // namespace
}  // namespace acme::allowance

GATEHOUSE_PLUGIN(acme::allowance::Allowance, "allowance", "1.0.0",
                 "Limits the tokens of each caller", GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
