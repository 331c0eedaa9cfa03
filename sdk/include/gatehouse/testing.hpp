/// A host in the same process, for unit tests of plugins: nothing is loaded, nothing goes out, time
/// stands still.
///
///   Harness h;
///   Throttler throttler(h.host(), h.config(R"({"limit": 1})"));
///   h.next = answer("hi");
///   EXPECT_EQ(h.post(throttler, "/api/chat", "{}").status, 200);
///   EXPECT_EQ(h.post(throttler, "/api/chat", "{}").status, 429);
///
/// What a plugin does is recorded as short texts, so that an assertion is one line;
/// testing/events.hpp says how events are written. The same notation scripts what the rest of the
/// pipeline answers: h.next = events({"step-start", "text:Hi"}).
///
/// One harness may serve requests on many threads at once; read what it recorded when they are
/// done. Needs no test framework. The library gatehouse_testing has the implementation: JSON, event
/// streams, hashes and the validation of configurations are those of the gateway; clock, client,
/// upstreams and store are not.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/testing/events.hpp"

namespace gatehouse::testing {

struct State;  // of a harness: core/testing
class HttpClients;

using Headers = std::vector<std::pair<std::string, std::string>>;

// ---- The rest of the pipeline ------------------------------------------------------------------

using NextFunction = std::function<Status(Exchange&, Sink&)>;

inline NextFunction fails(Fail fail) {
  return [fail](Exchange&, Sink&) -> Status { return fail; };
}

/// What the host does at the end of a pipeline that gave no answer.
inline NextFunction end_of_pipeline() {
  return fails({404, "not_found", "There is nothing here.", {}});
}

/// Emits these events, written as text.
inline NextFunction events(Events lines) {
  check(lines);  // throws in the test that wrote it
  return [lines](Exchange&, Sink& out) { return emit(out, lines); };
}

/// Answers with this text: as a model where there is a chat document, as an HTTP body above it.
inline NextFunction answer(std::string text) {
  return [text](Exchange& x, Sink& out) {
    return x.chat() ? emit(out, {"step-start", "text:" + text, "step-finish:stop"})
                    : x.reply(out, 200, "text/plain", text);
  };
}

/// One after another: the first call gets the first; the last one answers all calls that follow.
inline NextFunction in_turn(std::vector<NextFunction> functions) {
  auto calls = std::make_shared<std::atomic<std::size_t>>(0);
  return [functions, calls](Exchange& x, Sink& out) {
    return functions.at(std::min(calls->fetch_add(1), functions.size() - 1))(x, out);
  };
}

// ---- Requests and answers ----------------------------------------------------------------------

/// As gatehouse::Caller, with texts of its own.
struct CallerText {
  std::string tenant, user, key;
};

struct Request {
  /// `target` may have a query.
  Request(std::string request_method, View target)
      : method(std::move(request_method)), path(target.substr(0, target.find('?'))) {
    if (path.size() < target.size()) query = target.substr(path.size() + 1);
  }

  std::string method, path, query;
  Headers headers;
  std::string body;
  std::string chat;  ///< The chat document as JSON text; empty: above the ingress plugin.
  std::string peer = "127.0.0.1";
  std::string client;  ///< Behind a trusted proxy; empty: `peer`.
  std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  std::string id = "request-1";
  CallerText caller;  ///< By a plugin above.
  std::size_t leaves_after =
      std::numeric_limits<std::size_t>::max();  ///< The client leaves after so many events.
  const std::atomic<bool>* gone =
      nullptr;  ///< The client leaves when a test sets it, on any thread.
  std::chrono::nanoseconds patience =
      std::chrono::nanoseconds::max();  ///< The client leaves after this time.
  std::chrono::nanoseconds time_limit =
      std::chrono::nanoseconds::max();  ///< From the start to the deadline.
};

/// What came of a request: what reached the client, and more.
struct Answer : Recording {
  gh_status code = GH_OK;  ///< What handle() returned.
  int status =
      200;          ///< What the client sees: that of the failure, unless the head had left before.
  Headers headers;  ///< With the Retry-After that the gateway makes of failure.retry_after.
  Fail failure{0, {}, {}, {}};  ///< http_status 0: none.
  std::string notes;            ///< As JSON text.
  CallerText caller;            ///< That the plugin has set.
  std::string heartbeat;
  std::chrono::nanoseconds heartbeat_interval{0};

  std::string header(View name) const;
};

/// What an upstream answers to one request.
struct Reply {
  int status = 200;  ///< 0: no head comes, `end` is all there is.
  Headers headers;
  std::vector<std::string> pieces;  ///< Of the body, as they arrive.
  gh_status end = GH_ABSENT;  ///< What follows the pieces: GH_FAILED with `failure`, or GH_STOP:
                              ///< the client leaves.
  Fail failure{};
};
inline Reply reply(int status, std::string body, Headers headers = {}) {
  return {status, std::move(headers), {std::move(body)}, GH_ABSENT, {}};
}
/// A stream of server-sent events with these data, one event a piece.
inline Reply sse(const std::vector<std::string>& data) {
  Reply r{200, {{"Content-Type", "text/event-stream"}}, {}, GH_ABSENT, {}};
  for (std::string d : data) {
    for (std::size_t at = d.find('\n'); at != d.npos; at = d.find('\n', at + 1))
      d.insert(at + 1, "data: ");
    r.pieces.push_back("data: " + d + "\n\n");
  }
  return r;
}
/// The reply, but its body breaks off before its end.
inline Reply broken(Reply r,
                    Fail failure = {
                        502, "upstream_broken", "The upstream broke off its response.", {}}) {
  r.end = GH_FAILED;
  r.failure = std::move(failure);
  return r;
}
inline Reply no_reply(Fail failure) {
  return broken({0, {}, {}, GH_ABSENT, {}}, std::move(failure));
}

/// The servers behind the host's HTTP client: replies come in the order they were pushed.
class Upstream {
 public:
  struct Sent {
    std::string base_url, method, path;
    Headers headers;
    std::string body;
    std::chrono::nanoseconds connect, first_byte, idle;  ///< The client's options.
    bool closed = false;                                 ///< By the plugin.
    bool read_to_end = false;                            ///< Before it was closed.

    std::string header(View name) const;
  };

  void push(Reply r);

  std::deque<Sent> requests;  ///< Those that were sent, first one first.

 private:
  friend class HttpClients;
  std::mutex mutex_;
  std::deque<Reply> replies_;
};

// ---- Harness -----------------------------------------------------------------------------------

/// The gateway around the plugins of one test.
class Harness {
 public:
  Harness() : Harness(gatehouse::detail::json, gatehouse::detail::exchange) {}
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  /// For the plugin's constructor; then look at `problems`.
  Host host() const;
  /// Other machines can reach the gateway: for plugins that are constructed from now on.
  void expose();
  /// A configuration for the constructor, valid by the schema of the plugin under test, whose
  /// defaults are filled in. Throws when it is not. Lives until the next request.
  Json config(View text);
  /// Any other JSON value for a constructor. Lives until the next request.
  Json json(View text);
  /// An instance of the plugin that is linked into the test, made as the gateway makes it. Throws
  /// when the configuration is not valid; else look at `problems`.
  std::unique_ptr<Plugin> create(View config = "{}");
  /// An instance of a plugin in a shared object, in any language.
  std::unique_ptr<Plugin> load(const std::string& file, View config = "{}");
  /// From now on run() throws when a plugin breaks a rule that the gateway does not enforce: the
  /// grammar of events (abi/event.h) and the thread of an exchange.
  void be_strict();

  Answer get(Plugin& plugin, View target, Headers headers = {});
  /// As application/json, unless `headers` say otherwise.
  Answer post(Plugin& plugin, View target, View body, Headers headers = {});
  /// Below the ingress plugin, with this chat document.
  Answer ask(Plugin& plugin, View chat);
  Answer run(Plugin& plugin, const Request& request);
  /// On the admin address, at the path that the plugin claimed. Throws when it claimed none such.
  Answer admin(Plugin& plugin, std::string method, View path, View body = {});
  /// The server rejects the request before any plugin is called: what the plugin, by its own type,
  /// adds to that response.
  template <class P>
  Answer refused(P& plugin, const Request& request, Fail why) {
    return refused(&plugin, gatehouse::detail::Glue<P>::refused, request, std::move(why));
  }
  /// The response that reports `why`, as the plugin writes it. Throws when it has not claimed the
  /// failures of that path.
  Answer failed(const Request& request, Fail why);
  /// Runs the task that was the index-th to be given to background(), on this thread. It may wait,
  /// by Host::sleep() or with a Waker, `waits` times; in the next wait the instance ends:
  /// GH_CANCELLED. Throws what the task throws.
  void run_background(std::size_t index = 0, std::size_t waits = 0);

  /// Calls the member that was passed to around() for this place.
  Answer run_around(int place, const Request& request);

  /// Moves the clock, which moves by itself only when a plugin waits: in Host::sleep() at once,
  /// with a Waker when that was in vain. A Waker waits for real, 5 s at most, since another thread
  /// of the test is to wake it, but no longer than until the clock has been moved beyond its time.
  void advance(std::chrono::nanoseconds time);

  NextFunction next = end_of_pipeline();
  Upstream upstream;
  std::map<std::string, std::string>
      files;  ///< Of the operator, by their path. For Files::load() they are JSON.
  std::map<std::string, std::string>
      store;  ///< Values and counters by their key, until their time is up.
  bool store_down =
      false;  ///< Everything that is asked of the store is GH_UNAVAILABLE, but take_here().
  std::int64_t max_limit = 1'000'000;  ///< What Store::max_limit() gives.
  std::string status = "{}";           ///< What GatewayStatus::report() gives, as JSON text.
  std::string timing;                  ///< What GatewayStatus::timing() gives.
  std::string openapi = "{}";          ///< What OpenApi::document() gives.
  int log_level = GH_DEBUG;            ///< Log records below it are not kept.

  std::vector<std::string> problems;  ///< "/base_url: must be an http or https URL"
  std::vector<std::string> warnings;  ///< As problems.
  std::vector<std::string> routes;    ///< "GET /health"; the index is the id
  std::vector<std::string>
      admin_routes;  ///< "DELETE /answers", as claimed: without the name of the instance
  std::vector<std::string> descriptions;         ///< Passed to OpenApi::describe().
  std::vector<std::string> logs;                 ///< "warn: no answer {\"attempt\":2}"
  std::string health = "up";                     ///< "degraded: no connection"
  std::vector<std::chrono::nanoseconds> sleeps;  ///< As asked for.
  int next_calls = 0;
  std::vector<std::string>
      chats;  ///< The chat document at each call of next(), where there is one.
  /// All series: `tokens_total{model="m"}`; of a histogram `wait_seconds_count{…}` and
  /// `wait_seconds_sum{…}`.
  std::map<std::string, double> metrics;

 private:
  friend struct State;
  /// Sets the tables of the test, which are variables of its own beside those of the library.
  Harness(const gh_json_api*& json, const gh_exchange_api*& exchange);
  Json config(View text, View schema);
  Answer refused(void* plugin, void (*call)(void*, gh_exchange*), const Request& request, Fail why);

  std::unique_ptr<State> state_;
};

}  // namespace gatehouse::testing
