#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <queue>

namespace gatehouse::core {

/// Threads for requests of plugins that block: as many as are needed, until they were not needed
/// for a while. Any thread.
class Threads {
 public:
  using Work = std::function<void()>;

  Threads();
  /// No work is left.
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  /// Runs `work`, which must not throw, at once. False: no thread can be started.
  bool run(Work work);

 private:
  class Thread;
  void live(Thread& self);
  bool wait_for_work(Work& work);
  void join_ended();
  bool add_thread();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::queue<Work> queue_;                      // guarded by mutex_
  std::size_t idle_ = 0;                        // threads that wait; guarded by mutex_
  bool ending_ = false;                         // guarded by mutex_
  std::list<std::unique_ptr<Thread>> threads_;  // guarded by mutex_
};

}  // namespace gatehouse::core
