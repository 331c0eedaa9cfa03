#pragma once

#include "core/exchange/exchange.h"

namespace gatehouse::core {

/// The client of work that belongs to no connection.
struct NoClient : Client {
  gh_status read_body(std::string&, std::optional<Failure>& failure) override {
    failure = Failure{500, "plugin_error", "The request could not be processed.",
                      "work in the background has no request"};
    return GH_FAILED;
  }
  gh_status flush() override { return GH_OK; }
  void heartbeat(std::string_view, Clock::duration) override {}
  void before_wait(std::function<void()>) override {}
  void outlive(std::function<bool()>) override {}
  bool has_left() const override { return false; }
  bool begun() const override { return false; }
  bool committed() const override { return false; }
  bool ended() const override { return false; }
};

/// An exchange without a client. `stop_fd` is readable when its waits must end; -1: never.
class Detached {
 public:
  /// For the background.
  explicit Detached(int stop_fd) : Detached(RequestHead{}, stop_fd) {}
  /// For a request that came on no connection.
  explicit Detached(RequestHead head, int stop_fd = -1)
      : head_(std::move(head)),
        waiter_(-1, stop_fd, Clock::time_point::max(), never),
        x(head_, {}, client_, waiter_) {}
  /// For work on another thread than that of `parent`.
  Detached(const Exchange& parent, int stop_fd, Clock::time_point deadline)
      : waiter_(-1, stop_fd, deadline, never), x(parent, client_, waiter_) {}

 private:
  static Clock::time_point never() { return Clock::time_point::max(); }

  const RequestHead head_;
  NoClient client_;
  Waiter waiter_;

 public:
  Exchange x;
};

}  // namespace gatehouse::core
