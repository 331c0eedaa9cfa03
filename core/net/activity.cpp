#include "core/net/activity.h"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>

namespace gatehouse::core {
namespace {

// What the handler of a crash needs, and the frame of the signal: 3 KiB with AVX-512.
constexpr std::size_t kSignalStack = 32 << 10;

/// Null: the thread has one already, such as that of a sanitizer.
std::unique_ptr<char[]> add_signal_stack() {
  stack_t known{};
  if (::sigaltstack(nullptr, &known) != 0 || !(known.ss_flags & SS_DISABLE)) return nullptr;
  // Not initialized: its pages take no memory until a signal arrives.
  std::unique_ptr<char[]> memory(new char[kSignalStack]);
  stack_t mine{};
  mine.ss_sp = memory.get();
  mine.ss_size = kSignalStack;
  if (::sigaltstack(&mine, nullptr) != 0) return nullptr;
  return memory;
}

/// One that runs plugins.
struct Thread {
  Thread();
  ~Thread();
  Thread(const Thread&) = delete;

  Activity own;
  std::atomic<const Activity*> current{&own};
  const std::unique_ptr<char[]> signal_stack = add_signal_stack();
};

struct Threads {
  std::mutex mutex;
  std::set<const Thread*> all;  // guarded by mutex
};

/// Never destroyed: a thread may end after main() has returned.
Threads& threads() {
  static auto& known = *new Threads;
  return known;
}

constinit thread_local Activity* activity = nullptr;

Thread& this_thread() {
  thread_local Thread thread;
  return thread;
}

Thread::Thread() {
  const std::lock_guard lock(threads().mutex);
  threads().all.insert(this);
  activity = &own;
}

Thread::~Thread() {
  activity = nullptr;
  {
    const std::lock_guard lock(threads().mutex);
    threads().all.erase(this);
  }
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  if (signal_stack) ::sigaltstack(&none, nullptr);
}

}  // namespace

const PluginLabel& PluginLabel::of(std::string_view instance, std::string_view version,
                                   bool may_block) {
  using Key = std::tuple<std::string, std::string, bool>;
  static auto& labels = *new std::map<Key, PluginLabel>;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const Key key{instance, version, may_block};
  return labels.try_emplace(key, PluginLabel{std::get<0>(key), std::get<1>(key), may_block})
      .first->second;
}

Activity& Activity::here() {
  if (!activity) (void)this_thread();
  return *activity;
}

Activity* Activity::current() { return activity; }

Activity& Activity::change(Activity& next) {
  Activity& before = here();
  this_thread().current.store(&next, std::memory_order_release);
  activity = &next;
  return before;
}

Activity::~Activity() {
  const std::lock_guard lock(threads().mutex);  // each_busy() may still look at it
}

void Activity::each_busy(const std::function<void(const Snapshot&)>& report) {
  const std::lock_guard lock(threads().mutex);
  for (const Thread* const thread : threads().all) {
    const Snapshot now = thread->current.load(std::memory_order_acquire)->snapshot();
    if (now.call.plugin && now.since != Clock::time_point()) report(now);
  }
}

void Activity::set_request(std::string_view id) {
  for (std::size_t i = 0; i < request_.size(); ++i) {
    std::uint64_t word = 0;
    const std::string_view part = id.substr(std::min(id.size(), 8 * i), 8);
    part.copy(reinterpret_cast<char*>(&word), sizeof word);
    request_[i].store(word, std::memory_order_relaxed);
    if (part.size() < 8) return;  // the zero that ends it
  }
}

std::size_t Activity::copy_request(char* to) const {
  for (std::size_t i = 0; i < request_.size(); ++i) {
    const std::uint64_t word = request_[i].load(std::memory_order_relaxed);
    std::memcpy(to + 8 * i, &word, sizeof word);
  }
  return ::strnlen(to, kMostRequest);
}

/// Of a moment at which the thread may have gone on: then it is not busy.
Activity::Snapshot Activity::snapshot() const {
  Snapshot now;
  now.of = this;
  now.is_of_fiber = guard_.end != nullptr;
  const auto since = since_.load(std::memory_order_acquire);
  now.call = {plugin_.load(std::memory_order_relaxed), purpose_.load(std::memory_order_relaxed)};
  char request[kMostRequest];
  now.request.assign(request, copy_request(request));
  if (since == since_.load(std::memory_order_acquire))
    now.since = Clock::time_point(Clock::duration(since));
  return now;
}

}  // namespace gatehouse::core
