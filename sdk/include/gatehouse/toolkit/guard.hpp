/// What plugins that authenticate callers share: which paths they guard, the token of a request,
/// and how they reject an unknown caller.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "gatehouse/event.hpp"
#include "gatehouse/exchange.hpp"
#include "gatehouse/next.hpp"

namespace gatehouse {
inline namespace v1 {

/// The paths that a plugin guards, by their beginnings. Immutable.
class GuardedPaths {
 public:
  /// A setting such as ["/api/"].
  explicit GuardedPaths(Json beginnings) {
    for (const Json beginning : beginnings) beginnings_.emplace_back(beginning.str());
  }
  bool have(View path) const {
    return std::any_of(beginnings_.begin(), beginnings_.end(), [path](const std::string& one) {
      return path.substr(0, one.size()) == one;
    });
  }

 private:
  std::vector<std::string> beginnings_;
};

/// What follows `Bearer ` in the header Authorization (RFC 6750 2.1; in any case, RFC 9110 11.1).
/// Empty: nothing does.
inline View bearer_token(const Exchange& x) {
  constexpr View kScheme = "Bearer ";
  const View header = x.header("Authorization");
  const bool is_bearer = equals_ignoring_case(header.substr(0, kScheme.size()), kScheme);
  return is_bearer ? header.substr(kScheme.size()) : View();
}

namespace detail {
/// Stops the plugins below at their first event, and keeps whether there was one.
class Barrier final : public Sink {
 public:
  Status emit(Event) override {
    was_reached_ = true;
    return Status(GH_STOP);
  }
  bool was_reached() const { return was_reached_; }

 private:
  bool was_reached_ = false;
};
}  // namespace detail

/// What handle() returns for a caller that it rejects with `rejection`. Paths that no plugin claims
/// fail with 404 or 405 for every caller; a plugin that responds to one nevertheless has no
/// response for an unknown caller.
inline Status reject_caller(Exchange& x, Next& next, Status rejection) {
  if (x.route() != -1) return rejection;
  detail::Barrier barrier;
  Status below = next(x, barrier);
  return barrier.was_reached() ? std::move(rejection) : std::move(below);
}

}  // namespace v1
}  // namespace gatehouse
