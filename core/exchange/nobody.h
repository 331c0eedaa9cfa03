#pragma once

#include "core/exchange/exchange.h"

namespace gatehouse::core {

/// What stands in the place of a client for work that nobody asked for.
struct Nobody final : Client {
  gh_status read_body(std::string&, std::optional<Failure>& failure) override {
    failure = Failure{500, "plugin_error", "The request could not be processed.",
                      "there is no request in the background"};
    return GH_FAILED;
  }
  gh_status flush() override { return GH_OK; }
  void heartbeat(std::string_view, Clock::duration) override {}
  void outlive(std::function<bool()>) override {}
  bool begun() const override { return false; }
  bool committed() const override { return false; }
};

}  // namespace gatehouse::core
