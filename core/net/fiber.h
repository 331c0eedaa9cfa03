#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <functional>

#include "core/net/activity.h"
#include "core/net/sanitizers.h"

namespace gatehouse::core {

/// Memory for the stack of a fiber, above pages that cannot be touched, so that an overflow is a
/// SIGSEGV and not damage. It takes no memory until used.
class Stack {
 public:
  /// Throws std::bad_alloc.
  Stack();
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  void* bottom() const;
  void* top() const;
  Activity::Guard guard() const { return {memory_, bottom()}; }

 private:
  void* const memory_;
};

/// A function that is suspended in the middle and continued later, on a stack of its own and always
/// on the same thread. An exception that it is handling, and what it does for plugins, are its own.
class Fiber {
 public:
  /// Throws std::bad_alloc.
  Fiber();
  /// Its work has ended.
  ~Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The next resume() begins `work`, which must not throw. The previous work has ended.
  void begin(std::function<void()> work) { work_ = std::move(work); }
  /// Continues the work until it suspends itself. Returns false at its end.
  bool resume();
  /// On the fiber: returns to the caller of resume().
  void suspend();

 private:
  /// The exceptions that are being handled; the runtime library keeps them by thread.
  struct Exceptions {
    void* caught = nullptr;
    unsigned uncaught = 0;
    /// Exchanges them for those of the thread.
    void swap();
  };

  /// A point to continue at, of this stack or the caller's. Not boost::context::fiber, whose
  /// destructor would throw an exception through what has ended.
  using Context = boost::context::detail::fcontext_t;

  static void run(boost::context::detail::transfer_t from);

  const Stack stack_;
  StackOfSanitizers mine_, callers_;
  Exceptions exceptions_;  // of whoever does not run
  Activity activity_;
  std::function<void()> work_;
  Context inner_, caller_ = nullptr;
};

}  // namespace gatehouse::core
