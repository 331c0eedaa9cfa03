/// The rest of the pipeline, and the boundary that no exception crosses.
#pragma once

#include <exception>
#include <utility>

#include "gatehouse/exchange.hpp"

namespace gatehouse {
inline namespace v1 {

namespace detail {
/// The failure that an exception becomes. Not inline: few calls throw, and all would keep room for
/// it on their stacks.
[[gnu::noinline, gnu::cold]] inline gh_status raise(gh_exchange* x, const char* what) {
  return Status(Fail{500, "plugin_error", "The request could not be processed.", what}).raise(x);
}

/// Runs `body`, which returns a Status, on the plugin's side of the boundary: no exception crosses.
template <class F>
[[gnu::always_inline]] inline gh_status guard(gh_exchange* x, F&& body) noexcept {
  try {
    return body().raise(x);
  } catch (const std::exception& e) {
    return raise(x, e.what());
  } catch (...) {
    return raise(x, "unknown exception");
  }
}
}  // namespace detail

/// [ingress] While it lives: calls `call()`, which returns a Status, once, before the host first
/// waits for the request or calls an upstream for it. A response that begins there leaves failures
/// before it their own status.
template <class F>
class BeforeWait {
 public:
  BeforeWait(Exchange& x, F call) : x_(x.raw()), call_(std::move(call)) {
    detail::exchange->before_wait(x_, run, this);
  }
  BeforeWait(const BeforeWait&) = delete;
  BeforeWait& operator=(const BeforeWait&) = delete;
  ~BeforeWait() { detail::exchange->before_wait(x_, nullptr, nullptr); }

 private:
  static void run(void* self) {
    const auto& b = *static_cast<const BeforeWait*>(self);
    (void)detail::guard(b.x_, b.call_);
  }

  gh_exchange* const x_;
  const F call_;
};

/// The rest of the pipeline: next(x, out). Call it zero, one or more times, one after another,
/// inside handle() only, as long as the response has not ended.
class Next {
 public:
  explicit Next(const gh_next* next) : next_(next) {}
  Next(const Next&) = delete;
  Next& operator=(const Next&) = delete;

  Status operator()(Exchange& x, Sink& out) const {
    if (const gh_sink* host = out.host_sink()) {
      return Status(next_->call(next_->self, x.raw(), host), x.raw());
    }
    struct Context {
      gh_exchange* x;
      Sink& sink;
    } context{x.raw(), out};
    const gh_sink sink{sizeof(gh_sink), 0, &context, [](void* self, const gh_event* e) {
                         auto& c = *static_cast<Context*>(self);
                         return detail::guard(c.x, [&] { return c.sink.emit(Event(*e)); });
                       }};
    return Status(next_->call(next_->self, x.raw(), &sink), x.raw());
  }

  const gh_next* raw() const { return next_; }

 private:
  const gh_next* next_;
};

}  // namespace v1
}  // namespace gatehouse
