#pragma once

namespace gatehouse::core {

/// `F` as plugins call it: returns `Otherwise` instead of throwing, which is undefined in the
/// frames of a plugin that is not C++. What is thrown is std::bad_alloc, or comes from a callback
/// of the plugin itself.
template <auto F, auto... Otherwise>
struct Guarded;

template <class R, class... Args, R (*F)(Args...), auto... Otherwise>
struct Guarded<F, Otherwise...> {
  static R call(Args... args) noexcept {
    try {
      return F(args...);
    } catch (...) {
      return R(Otherwise...);
    }
  }
};

template <auto F, auto... Otherwise>
inline constexpr auto guarded = &Guarded<F, Otherwise...>::call;

}  // namespace gatehouse::core
