/// gatehouse.wait/1: threads that wait for each other, and for descriptors.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

#include "gatehouse/abi/ext/wait.h"
#include "gatehouse/host.hpp"
#include "gatehouse/next.hpp"

namespace gatehouse {
inline namespace v1 {

/// Lets one thread wait for another, or for descriptors, as the host waits: it also returns early
/// when the client has gone or time is up.
class Waker {
 public:
  explicit Waker(Host host)
      : api_(detail::required<gh_wait_api>(host, GH_WAIT_1)),
        waker_(api_ ? api_->make(host.raw_host()) : nullptr, {api_}) {}

  /// False: no descriptor is left.
  explicit operator bool() const { return waker_ != nullptr; }
  /// Any thread. Ends the current wait, or else the next one.
  void wake() const { api_->wake(waker_.get()); }
  /// One thread at a time. False: not woken in time.
  Result<bool> wait(Exchange& x, std::chrono::nanoseconds time) const {
    return wait(x, nullptr, 0, time);
  }
  /// Waits for descriptors of the plugin as well, such as the pipes of a child process: at most 8.
  template <std::size_t N>
  Result<bool> wait(Exchange& x, std::array<gh_fd, N>& fds, std::chrono::nanoseconds time) const {
    return wait(x, fds.data(), N, time);
  }

 private:
  Result<bool> wait(Exchange& x, gh_fd* fds, std::size_t count,
                    std::chrono::nanoseconds time) const {
    const gh_status s = api_->wait(waker_.get(), x.raw(), fds, count, time.count());
    if (s != GH_OK && s != GH_ABSENT) return Status(s, x.raw());
    return s == GH_OK;
  }
  struct Drop {
    const gh_wait_api* api;
    void operator()(gh_waker* waker) const { api->drop(waker); }
  };
  const gh_wait_api* api_;
  std::unique_ptr<gh_waker, Drop> waker_;
};

/// Work for a request on another thread, so that several things can be waited for at once. It has
/// an exchange that ends when the request does. Join it before handle() returns.
class Task {
 public:
  /// `work` is a callable that takes Exchange&, and outlives the task. `deadline` is on the clock
  /// of Host::now().
  template <class F>
  Task(Host host, Exchange& parent, std::chrono::nanoseconds deadline, F& work)
      : api_(static_cast<const gh_wait_api*>(host.extension(GH_WAIT_1))) {
    if (!api_) return;
    const auto run = [](void* self, gh_exchange* raw_x) {
      (void)detail::guard(raw_x, [&] {
        Exchange x(raw_x);
        (*static_cast<F*>(self))(x);
        return Status();
      });
    };
    task_ = api_->start(host.raw_host(), parent.raw(), deadline.count(), run, &work);
  }
  Task(Task&& other) noexcept : api_(other.api_), task_(std::exchange(other.task_, nullptr)) {}
  Task(const Task&) = delete;

  /// False: no thread could be started.
  explicit operator bool() const { return task_ != nullptr; }
  /// Returns when the work has returned. Not ok: the request was cancelled meanwhile.
  Status join(Exchange& parent) {
    if (!task_) return Status();
    return Status(api_->join(std::exchange(task_, nullptr), parent.raw()), parent.raw());
  }

 private:
  const gh_wait_api* api_;
  gh_task* task_ = nullptr;
};

}  // namespace v1
}  // namespace gatehouse
