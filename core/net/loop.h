#pragma once

#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "core/net/event_fd.h"

namespace gatehouse::core {

/// Runs fibers on one thread and waits for their descriptors and times. Its mechanism is described
/// in loop.cpp.
class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  /// Called on the thread's own stack, where nothing may wait.
  using Call = std::function<void()>;

  /// `on_connection`: called when a socket of listen() may have a connection. Throws
  /// std::system_error when the process has no descriptor left.
  explicit Loop(std::function<void(int fd)> on_connection = {});
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Any thread:
  void post(Call call);
  /// Sockets that several loops may share: one of them is called for each connection, as long as
  /// one waits. False: there is no memory, or the system's limit of watched descriptors is reached.
  bool listen(int fd);
  void ignore(int fd);
  /// run() returns when all fibers have ended.
  void stop();
  /// For how long something has kept its thread since it last looked at its descriptors.
  Clock::duration stall() const;

  /// Its place among the loops of this process: 1, 2, ...
  std::size_t number() const { return number_; }

  // The loop's thread:
  void run();
  /// Runs `work`, which must not throw, on a fiber, soon. False: there is no memory for its stack.
  bool start(std::function<void()> work);
  /// As poll(2), on a fiber, whose thread does something else meanwhile.
  int wait(pollfd* fds, std::size_t count, Clock::time_point until);

  /// The loop that the calling thread runs, or null.
  static Loop* of_thread();
  /// The same if a fiber of it is calling, which may wait.
  static Loop* of_fiber();

 private:
  friend class Watch;
  class Strand;
  /// One descriptor of one wait.
  struct Interest {
    pollfd* wanted;
    Strand* strand;
    Interest *next, *previous;
  };
  /// What is known of a descriptor.
  struct Entry {
    std::uint32_t generation = 0;  // of its registration: older events are none of this descriptor
    std::uint32_t ready = 0;       // events since they were last used up; only with a Watch
    const class Watch* watch = nullptr;
    Interest* first = nullptr;  // of those that wait
  };

  Entry& entry(int fd);
  bool add(int fd, std::uint32_t events);
  static void renew(Entry& entry);
  short ready_of(const pollfd& fd);
  int collect(pollfd* fds, std::size_t count);
  bool enlist(Interest& interest);
  void leave(Interest& interest);
  void set_alarm(Strand& strand, Clock::time_point until);
  void make_ready(Strand& strand);
  int milliseconds_to_wait() const;
  void poll();
  void handle(std::uint64_t data, std::uint32_t events);
  void run_posted();
  void ring(Clock::time_point now);
  void run_ready();
  void end(std::unique_ptr<Strand> strand);

  const std::function<void(int fd)> on_connection_;
  const std::size_t number_;
  const int epoll_;
  const EventFd wake_;
  std::vector<Entry> entries_;  // by descriptor
  std::set<std::pair<Clock::time_point, Strand*>> alarms_;
  std::vector<Strand*> ready_, running_now_;
  std::vector<std::unique_ptr<Strand>> spare_;
  std::size_t strands_ = 0;    // that have work
  Strand* running_ = nullptr;  // null: the thread's own stack is in use
  Clock::time_point polled_{};
  std::atomic<Clock::rep> busy_since_{0};  // 0: it waits
  bool stopping_ = false;

  std::mutex mutex_;
  std::vector<Call> posted_;  // guarded by mutex_
};

/// A socket whose events a loop gathers as long as this lives, so that waiting for it costs no
/// system call. Whoever reads or writes it notes when nothing more is ready. Loop's thread.
class Watch {
 public:
  /// `on_ready`: called on the thread's own stack when something is ready and no fiber waits for
  /// it; it may destroy the Watch. `loop` null: nothing is watched.
  Watch(Loop* loop, int fd, Loop::Call on_ready = {});
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// False: it waits as any other descriptor does.
  bool is_on() const { return is_on_; }
  bool may_read() const;
  bool may_write() const;

  /// Of a descriptor, watched or not: whether reading may succeed.
  static bool may_read(int fd);
  /// A read or write found nothing more to take, or no more room.
  static void note_end(int fd, short event);

 private:
  friend class Loop;
  Loop* const loop_;
  const int fd_;
  const Loop::Call on_ready_;
  bool is_on_ = false;
};

}  // namespace gatehouse::core
