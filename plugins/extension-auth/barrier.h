#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::extension_auth {

/// Stops the plugins below at their first event, and keeps whether there was one.
class Barrier final : public Sink {
 public:
  Status emit(Event) override {
    was_reached_ = true;
    return Status(GH_STOP);
  }
  bool was_reached() const { return was_reached_; }

 private:
  bool was_reached_ = false;
};

}  // namespace gatehouse::plugins::extension_auth
