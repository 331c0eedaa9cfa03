#include "core/net/fiber.h"

#include <cxxabi.h>
#include <sys/mman.h>

#include <new>
#include <utility>

namespace gatehouse::core {
namespace {

// Reserved, not used: a running chat touches 19 KiB, a document of the deepest nesting about
// 100 KiB, and plugins may use the rest.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kStack = 8 << 20;  // frames are many times as large
#else
constexpr std::size_t kStack = 1 << 20;
#endif
constexpr std::size_t kGuard = 64 << 10;  // more than the largest frame

}  // namespace

Stack::Stack()
    : memory_(::mmap(nullptr, kGuard + kStack, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0)) {
  if (memory_ == MAP_FAILED) throw std::bad_alloc();
  if (::mprotect(memory_, kGuard, PROT_NONE) == 0) return;
  ::munmap(memory_, kGuard + kStack);
  throw std::bad_alloc();  // the limit of mappings
}

Stack::~Stack() { ::munmap(memory_, kGuard + kStack); }

void* Stack::bottom() const { return static_cast<char*>(memory_) + kGuard; }

void* Stack::top() const { return static_cast<char*>(bottom()) + kStack; }

Fiber::Fiber()
    : mine_(stack_.bottom(), kStack),
      activity_(stack_.guard()),
      inner_(boost::context::detail::make_fcontext(stack_.top(), kStack, run)) {}

/// The life of a fiber, which is destroyed where it suspends itself.
void Fiber::run(boost::context::detail::transfer_t from) {
  auto& fiber = *static_cast<Fiber*>(from.data);
  fiber.caller_ = from.fctx;
  fiber.mine_.arrive_from(fiber.callers_);
  for (;;) {
    fiber.work_();
    fiber.work_ = nullptr;
    fiber.suspend();
  }
}

bool Fiber::resume() {
  Activity& around = Activity::change(activity_);
  exceptions_.swap();
  callers_.leave_for(mine_);
  inner_ = boost::context::detail::jump_fcontext(inner_, this).fctx;
  callers_.arrive_from(mine_);
  exceptions_.swap();
  (void)Activity::change(around);
  return static_cast<bool>(work_);
}

void Fiber::suspend() {
  mine_.leave_for(callers_);
  caller_ = boost::context::detail::jump_fcontext(caller_, nullptr).fctx;
  mine_.arrive_from(callers_);
}

void Fiber::Exceptions::swap() {
  // Itanium C++ ABI 2.2.2: __cxa_eh_globals begins with these two members.
  auto& of_thread = *reinterpret_cast<Exceptions*>(abi::__cxa_get_globals());
  std::swap(caught, of_thread.caught);
  std::swap(uncaught, of_thread.uncaught);
}

}  // namespace gatehouse::core
