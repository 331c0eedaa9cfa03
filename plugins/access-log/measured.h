#pragma once

#include <optional>

#include "fields.h"

namespace gatehouse::plugins::access_log {

/// Forwards a response, and keeps the time of its first event and the length of its body.
class Measured final : public Sink {
 public:
  Measured(Sink& out, Host host) : out_(out), host_(host) {}

  Status emit(Event event) override {
    if (!began_) began_ = host_.now();
    bytes_ += event.text().size();
    return out_.emit(event);
  }
  /// `arrived`: when the request did.
  void add_to(Fields& fields, std::chrono::nanoseconds arrived) const {
    fields.add_ms("ms", host_.now() - arrived);
    if (began_) fields.add_ms("ttfb_ms", *began_ - arrived);
    fields.add_number("bytes_out", static_cast<std::int64_t>(bytes_));
  }

 private:
  Sink& out_;
  const Host host_;
  std::optional<std::chrono::nanoseconds> began_;
  std::size_t bytes_ = 0;
};

}  // namespace gatehouse::plugins::access_log
