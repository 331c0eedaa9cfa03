#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "core/testing/state.h"
#include "gatehouse/toolkit/event_grammar.hpp"

namespace gatehouse::testing {

/// The request of work in the background.
inline Request no_request() {
  Request r("", "");
  r.peer = r.id = "";
  return r;
}

/// What stands behind a gh_exchange.
struct FakeExchange {
  FakeExchange(State& s, const Request& r)
      : state(s),
        request(r),
        leaves_at(later(s.now(), r.patience)),
        deadline(later(s.now(), r.time_limit)),
        trace(r.trace),
        client(r.leaves_after) {
    if (!r.chat.empty()) chat_document = parse(r.chat);
    if (chat_document) grammar.emplace(chat_document->root());
    who = {sizeof who, 0, raw(r.caller.tenant), raw(r.caller.user), raw(r.caller.key)};
  }

  State& state;
  const Request& request;
  const std::chrono::nanoseconds leaves_at;
  std::chrono::nanoseconds deadline;
  std::string trace;
  Recorder client;
  Answer answer;
  bool has_begun = false;      // the body: the status is decided
  bool head_has_left = false;  // the headers are decided
  bool client_has_left = false;
  std::optional<std::int32_t> admin_route;
  std::optional<std::size_t> waits_left;  // of a background task
  std::atomic<bool> ends{false};          // its instance, or the request that it works for
  int (*wanted)(void*) = nullptr;         // of outlive()
  void* wanted_self = nullptr;
  void (*before_wait)(void*) = nullptr;
  void* before_wait_self = nullptr;
  std::optional<gh_failure> raw_failure;  // points into answer.failure
  std::optional<Document> chat_document, body_document;
  bool body_is_seen = false;  // somebody has a view of its bytes
  Document note_document = parse("{}");
  gh_caller who{sizeof(gh_caller), 0, {}, {}, {}};
  std::deque<std::string> views;  // what header() gave, until handle() returns

  std::atomic<std::thread::id> thread = std::this_thread::get_id();
  bool went_on = false;                 // next() was called
  int events_after_stop = 0;            // that reached the client's sink
  std::optional<EventGrammar> grammar;  // of the events below the ingress

  gh_exchange* raw_exchange() { return reinterpret_cast<gh_exchange*>(this); }
  /// For calls that a plugin makes.
  static FakeExchange& of(gh_exchange* x) {
    auto& self = *reinterpret_cast<FakeExchange*>(x);
    if (std::this_thread::get_id() != self.thread)
      self.state.fault("an exchange was used on another thread than its own");
    return self;
  }
  static const FakeExchange& of(const gh_exchange* x) {
    return *reinterpret_cast<const FakeExchange*>(x);
  }

  static std::chrono::nanoseconds later(std::chrono::nanoseconds start,
                                        std::chrono::nanoseconds time) {
    return time > std::chrono::nanoseconds::max() - start ? std::chrono::nanoseconds::max()
                                                          : start + time;
  }
  bool left_at(std::chrono::nanoseconds now) const {
    return client_has_left || client.has_left() || (request.gone && *request.gone) ||
           now >= leaves_at;
  }
  /// Asks the plugin, which may have a lock of its own: never with the lock of the harness held.
  bool outlives() const { return wanted && wanted(wanted_self) != 0; }
  gh_status cancelled_at(std::chrono::nanoseconds now, bool outlives_client) const {
    if (left_at(now) && !outlives_client) return GH_STOP;
    return ends || now >= deadline ? GH_CANCELLED : GH_OK;
  }
  /// Whenever the host waits, what was emitted so far leaves.
  void flushed() { head_has_left = has_begun; }
  void about_to_wait() {
    if (const auto call = std::exchange(before_wait, nullptr)) call(before_wait_self);
  }
  /// Before each wait: false when it is the one in which a background task is told to end.
  bool may_wait() {
    about_to_wait();
    state.run_meanwhile();
    flushed();
    if (!waits_left) return true;
    ends = *waits_left == 0;
    if (!ends) --*waits_left;
    return !ends;
  }
  /// A wait that nothing has ended moves the clock to its end, or to the end of the request if that
  /// is sooner. The plugin is asked again when the client leaves meanwhile.
  gh_status wait_until(std::chrono::nanoseconds end) {
    bool outlives_client = outlives();
    const auto wait = [&] {
      const std::lock_guard lock(state.mutex);
      state.advance_to(std::min({end, deadline, outlives_client ? end : leaves_at}));
      return cancelled_at(state.time, outlives_client);
    };
    const gh_status ended = wait();
    if (ended != GH_STOP || outlives_client || !outlives()) return ended;
    outlives_client = true;
    return wait();
  }

  gh_status cancelled() const { return cancelled_at(state.now(), outlives()); }
  gh_status flush() {
    flushed();
    state.run_meanwhile();
    return cancelled();
  }
  gh_status fail_with(Fail f) {
    Fail& kept = answer.failure = std::move(f);
    raw_failure =
        gh_failure{sizeof(gh_failure), kept.http_status,         raw(kept.code), raw(kept.message),
                   raw(kept.detail),   kept.retry_after.count(), kept.flags,     0};
    return GH_FAILED;
  }
};

/// The sink of the client, and the rest of the pipeline as the test scripts it.
gh_status emit_to_client(void* fake_exchange, const gh_event* e);
gh_status call_next(void* fake_exchange, gh_exchange* x, const gh_sink* out);

}  // namespace gatehouse::testing
