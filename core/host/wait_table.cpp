#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "core/exchange/detached.h"
#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "core/net/event_fd.h"
#include "core/net/loop.h"

namespace gatehouse::core {

/// Work beside a request: on a fiber of the request's thread, or on another thread if the request
/// has its thread to itself.
class Task {
 public:
  /// Throws std::system_error or std::bad_alloc.
  Task(const PluginLabel& plugin, const Exchange& parent, Clock::time_point deadline,
       void (*run)(void*, gh_exchange*), void* self)
      : plugin_(plugin) {
    auto all = [this, &parent, deadline, run, self] { work(parent, deadline, run, self); };
    if (Loop* const loop = Loop::of_fiber()) {
      if (!loop->start(std::move(all))) throw std::bad_alloc();
    } else {
      thread_ = std::thread(std::move(all));
    }
  }
  ~Task() {
    if (has_ended_) return;
    stop_.signal();
    end();
  }
  gh_status join(Exchange& parent) {
    const gh_status status =
        Exchange::as_status(parent.waiter().wait(done_.fd(), POLLIN, Clock::time_point::max()));
    if (status != GH_OK) stop_.signal();
    end();
    if (status != GH_OK) return status;
    if (threw_) {
      return parent.fail({500, "plugin_error", "The request could not be processed.",
                          "a task threw an exception"});
    }
    return error_ ? parent.fail(std::move(*error_)) : GH_OK;
  }

 private:
  /// Wakes the parent whatever happens, or it would wait until its deadline.
  void work(const Exchange& parent, Clock::time_point deadline, void (*run)(void*, gh_exchange*),
            void* self) {
    try {
      Detached work(parent, stop_.fd(), deadline);
      const InPlugin in(plugin_, "working beside a request", work.x.request_id());
      run(self, &work.x);
      const Exchange& x = work.x;
      if (x.failure() && x.failure()->code == "plugin_error") error_ = x.failure();
    } catch (...) {  // the facade catches on the plugin's side: this is for plugins without it, and
                     // a lack of memory
      threw_ = true;
    }
    done_.signal();
  }
  /// Waits for the work's end, which the end of the request does not cut short.
  void end() {
    has_ended_ = true;
    if (thread_.joinable()) return thread_.join();
    Waiter waiter(-1, -1, Clock::time_point::max(), [] { return Clock::time_point::max(); });
    (void)waiter.wait(done_.fd(), POLLIN, Clock::time_point::max());
  }

  const PluginLabel& plugin_;
  EventFd stop_, done_;
  std::optional<Failure> error_;  // this and the next are of the work, until its end
  bool threw_ = false;
  bool has_ended_ = false;  // and that was waited for
  std::thread thread_;
};

}  // namespace gatehouse::core

struct gh_waker : gatehouse::core::EventFd {};
struct gh_task : gatehouse::core::Task {
  using Task::Task;
};

namespace gatehouse::core {
namespace {

gh_status wait(gh_waker* waker, gh_exchange* x, gh_fd* fds, std::size_t count, std::int64_t ns) {
  if (count >= Waiter::kMostFds) return GH_INVALID;
  std::array<pollfd, Waiter::kMostFds> all{{{waker->fd(), POLLIN, 0}}};
  for (std::size_t i = 0; i < count; ++i) all[i + 1] = {fds[i].fd, fds[i].events, 0};
  const Wake wake =
      Exchange::of(x).waiter().wait(all.data(), count + 1, Clock::now() + bounded(ns));
  for (std::size_t i = 0; i < count; ++i) fds[i].ready = all[i + 1].revents;
  if (all[0].revents) waker->reset();
  return wake == Wake::timeout ? gh_status{GH_ABSENT} : Exchange::as_status(wake);
}

gh_waker* make(const gh_host*) { return new gh_waker; }

void wake(gh_waker* waker) { waker->signal(); }

void drop(gh_waker* waker) { delete waker; }

gh_task* start(const gh_host* host, gh_exchange* parent, std::int64_t deadline_ns,
               void (*run)(void*, gh_exchange*), void* self) {
  const Clock::time_point until{std::chrono::nanoseconds(deadline_ns)};
  const Exchange& x = Exchange::of(parent);
  return new gh_task(Instance::of(host).label(), x, std::min(until, x.waiter().deadline()), run,
                     self);
}

gh_status join(gh_task* task, gh_exchange* parent) {
  const std::unique_ptr<gh_task> ends(task);
  return ends->join(Exchange::of(parent));
}

}  // namespace

const gh_wait_api& wait_table() {
  static constexpr gh_wait_api kTable = {.size = sizeof kTable,
                                         .reserved = 0,
                                         .make = guarded<make, nullptr>,
                                         .wake = wake,
                                         .wait = guarded<wait, GH_UNAVAILABLE>,
                                         .drop = drop,
                                         .start = guarded<start, nullptr>,
                                         .join = guarded<join, GH_UNAVAILABLE>};
  return kTable;
}

}  // namespace gatehouse::core
