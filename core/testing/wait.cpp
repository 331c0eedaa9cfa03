#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "core/testing/exchange.h"

namespace gatehouse::testing {
namespace {

struct Waker {
  explicit Waker(State& s) : state(s) {}
  State& state;
  std::mutex mutex;
  std::condition_variable changed;
  bool woken = false;  // guarded by mutex
};
constexpr std::size_t kMostFds = 8;
Waker& of(gh_waker* w) { return *reinterpret_cast<Waker*>(w); }

gh_waker* make(const gh_host* host) {
  return reinterpret_cast<gh_waker*>(new Waker(State::of(host)));
}
void wake(gh_waker* raw_waker) {
  Waker& waker = of(raw_waker);
  const std::lock_guard lock(waker.mutex);
  waker.woken = true;
  waker.changed.notify_one();
}
constexpr std::chrono::milliseconds kGlance{1};  // between two looks at the client and the clock

/// `ready` waits for kGlance.
template <class F>
gh_status wait_for(State& s, gh_exchange* raw_x, std::chrono::nanoseconds time, F ready) {
  static constexpr std::chrono::nanoseconds kLongest =
      std::chrono::seconds(5);  // for real, so that no test hangs
  using Clock = std::chrono::steady_clock;
  FakeExchange& x = FakeExchange::of(raw_x);
  if (!x.may_wait()) return GH_CANCELLED;
  const auto end = FakeExchange::later(s.now(), time);
  for (const auto real_end = Clock::now() + std::min(time, kLongest);;) {
    if (const gh_status ended = x.cancelled(); ended != GH_OK) return ended;
    if (ready()) return GH_OK;
    if (s.now() < end && Clock::now() < real_end) continue;
    const gh_status ended = x.wait_until(end);
    return ended == GH_OK ? gh_status{GH_ABSENT} : ended;
  }
}

bool poll_now(gh_fd* fds, std::size_t count) {
  std::array<pollfd, kMostFds> raw_fds{};
  for (std::size_t i = 0; i < count; ++i) raw_fds[i] = {fds[i].fd, fds[i].events, 0};
  const int ready = ::poll(raw_fds.data(), static_cast<nfds_t>(count), 0);
  for (std::size_t i = 0; i < count; ++i) fds[i].ready = raw_fds[i].revents;
  return ready > 0;
}
gh_status wait(gh_waker* raw_waker, gh_exchange* x, gh_fd* fds, std::size_t count,
               std::int64_t ns) {
  Waker& waker = of(raw_waker);
  if (count > kMostFds) return GH_INVALID;
  return wait_for(waker.state, x, std::chrono::nanoseconds(ns), [&] {
    const bool ready = poll_now(fds, count);
    std::unique_lock lock(waker.mutex);
    const auto glance = ready ? std::chrono::milliseconds(0) : kGlance;
    return (waker.changed.wait_for(lock, glance, [&] { return waker.woken; }) &&
            std::exchange(waker.woken, false)) ||
           ready;
  });
}
void drop(gh_waker* w) { delete &of(w); }

struct Task {
  Task(State& s, std::chrono::nanoseconds deadline, void (*run)(void*, gh_exchange*), void* self)
      : exchange(s, request) {
    exchange.deadline = deadline;
    thread = std::thread([this, run, self] {
      exchange.thread = std::this_thread::get_id();
      run(self, exchange.raw_exchange());
      done = true;
    });
  }
  const Request request = no_request();
  FakeExchange exchange;
  std::atomic<bool> done{false};
  std::thread thread;
};
gh_task* start(const gh_host* host, gh_exchange* parent, std::int64_t deadline_ns,
               void (*run)(void*, gh_exchange*), void* self) {
  const auto deadline =
      std::min(FakeExchange::of(parent).deadline, std::chrono::nanoseconds(deadline_ns));
  return reinterpret_cast<gh_task*>(new Task(State::of(host), deadline, run, self));
}
gh_status join(gh_task* raw_task, gh_exchange* parent) {
  const std::unique_ptr<Task> task(reinterpret_cast<Task*>(raw_task));
  gh_status status = FakeExchange::of(parent).flush();
  while (status == GH_OK && !task->done) {
    std::this_thread::sleep_for(kGlance);
    status = FakeExchange::of(parent).cancelled();
  }
  task->exchange.ends = status != GH_OK;
  task->thread.join();
  const Fail& failure = task->exchange.answer.failure;
  if (status == GH_OK && failure.code == "plugin_error")  // it threw an exception
    return FakeExchange::of(parent).fail_with(failure);
  return status;
}

}  // namespace

const gh_wait_api& wait_table() {
  static constexpr gh_wait_api kTable = {.size = sizeof kTable,
                                         .reserved = 0,
                                         .make = make,
                                         .wake = wake,
                                         .wait = wait,
                                         .drop = drop,
                                         .start = start,
                                         .join = join};
  return kTable;
}

}  // namespace gatehouse::testing
