#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::metrics {

/// Forwards a response and adds the header Server-Timing just before the response begins. If it
/// continues after its head, a trailer of the same name follows it (RFC 9110 6.5).
class Timed final : public Sink {
 public:
  Timed(Sink& out, Exchange& x, const GatewayStatus& status) : out_(out), x_(x), status_(status) {}

  Status emit(Event event) override {
    if (event.has(GH_LAST)) {
      x_.remove_header("Trailer");
      set_timing();
    } else if (!x_.committed()) {
      x_.set_header("Trailer", "Server-Timing");
      set_timing();
    }
    return out_.emit(event);
  }
  void set_timing() { x_.set_header("Server-Timing", status_.timing(x_)); }

 private:
  Sink& out_;
  Exchange& x_;
  const GatewayStatus& status_;
};

}  // namespace gatehouse::plugins::metrics
