#include "core/server/threads.h"

#include <Poco/Exception.h>
#include <Poco/Runnable.h>
#include <Poco/Thread.h>

#include <chrono>
#include <utility>

namespace gatehouse::core {
namespace {

// As much as a fiber has; see core/net/fiber.cpp.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kStackBytes = 8 << 20;
#else
constexpr int kStackBytes = 1 << 20;
#endif
constexpr auto kSpareTime = std::chrono::seconds(30);

}  // namespace

class Threads::Thread : private Poco::Runnable {
 public:
  explicit Thread(Threads& all) : all_(all) { thread_.setStackSize(kStackBytes); }
  void start() { thread_.start(*this); }
  void join() { thread_.join(); }
  bool has_ended = false;  // guarded by mutex_

 private:
  void run() override { all_.live(*this); }

  Threads& all_;
  Poco::Thread thread_;
};

Threads::Threads() = default;

Threads::~Threads() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (const auto& thread : threads_) thread->join();  // none is added any more
}

bool Threads::run(Work work) {
  const std::lock_guard lock(mutex_);
  join_ended();
  if (idle_ <= queue_.size() && !add_thread()) return false;
  queue_.push(std::move(work));
  wake_.notify_one();
  return true;
}

/// The life of a thread.
void Threads::live(Thread& self) {
  for (Work work; wait_for_work(work);) std::exchange(work, nullptr)();
  const std::lock_guard lock(mutex_);
  self.has_ended = true;
}

/// False: the thread is not needed any more.
bool Threads::wait_for_work(Work& work) {
  std::unique_lock lock(mutex_);
  ++idle_;
  wake_.wait_for(lock, kSpareTime, [this] { return !queue_.empty() || ending_; });
  --idle_;
  if (queue_.empty()) return false;
  work = std::move(queue_.front());
  queue_.pop();
  return true;
}

/// With mutex_ held.
void Threads::join_ended() {
  std::erase_if(threads_, [](const auto& thread) {
    if (thread->has_ended) thread->join();
    return thread->has_ended;
  });
}

/// With mutex_ held. The thread counts as idle once it waits.
bool Threads::add_thread() {
  threads_.push_back(std::make_unique<Thread>(*this));
  try {
    threads_.back()->start();
    return true;
  } catch (const Poco::Exception&) {
    threads_.pop_back();
    return false;
  }
}

}  // namespace gatehouse::core
