#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace gatehouse::core {

/// A stack as AddressSanitizer and ThreadSanitizer know it; without them it is nothing.
class StackOfSanitizers {
 public:
  /// Of the thread that is running; known once it has been left.
  StackOfSanitizers() = default;
  /// Of a fiber.
  StackOfSanitizers([[maybe_unused]] const void* bottom, [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
    bottom_ = bottom;
    size_ = size;
    is_own_ = true;
#endif
#if defined(__SANITIZE_THREAD__)
    fiber_ = __tsan_create_fiber(0);
    is_own_ = true;
#endif
  }
  ~StackOfSanitizers() {
#if defined(__SANITIZE_ADDRESS__)
    if (is_own_) ASAN_UNPOISON_MEMORY_REGION(bottom_, size_);  // its memory may be used anew
#endif
#if defined(__SANITIZE_THREAD__)
    if (is_own_) __tsan_destroy_fiber(fiber_);
#endif
  }
  StackOfSanitizers(const StackOfSanitizers&) = delete;
  StackOfSanitizers& operator=(const StackOfSanitizers&) = delete;

  // Inline, since ThreadSanitizer counts the calls and returns of each stack.

  /// Directly before a switch from this stack, which runs, to `next`.
  [[gnu::always_inline]] void leave_for([[maybe_unused]] StackOfSanitizers& next) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fake_, next.bottom_, next.size_);
#endif
#if defined(__SANITIZE_THREAD__)
    if (!is_own_) fiber_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(next.fiber_, 0);
#endif
  }
  /// Directly after a switch from `previous` to this stack.
  [[gnu::always_inline]] void arrive_from([[maybe_unused]] StackOfSanitizers& previous) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_, &previous.bottom_, &previous.size_);
#endif
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
  void* fake_ = nullptr;
  bool is_own_ = false;
#endif
#if defined(__SANITIZE_THREAD__)
  void* fiber_ = nullptr;
  bool is_own_ = false;
#endif
};

}  // namespace gatehouse::core
