/// A request's key is a digest of its owner and its chat document. A request that finds an entry
/// under its key replays it. Of the requests that find none, the first one leads: it calls next(),
/// and its events go to its client and, as JSON text, to a Flight, which the other requests with
/// the same key follow (flight.h). When the response is complete, the text of the flight becomes
/// the entry. An entry is {"at": SECONDS, "events": [...]}; transcript.h writes and reads events.
#include "cache.h"

#include <algorithm>

#include "gatehouse/toolkit/json_text.hpp"
#include "gatehouse/toolkit/owner.hpp"
#include "schema.h"

namespace gatehouse::plugins::cache {
namespace {

/// What a client has requested with Cache-Control (RFC 9111 5.2.1); other directives are for other
/// kinds of caches.
struct Directives {
  bool no_cache = false;  // a fresh response, which may be stored
  bool no_store = false;  // neither look-up nor storage
};

Directives directives_of(const Exchange& x);
bool may_be_coalesced(Json chat);

/// Passes the events of the leader on, and appends them to its flight. Once the client has gone
/// they go to the followers alone, as long as there are any.
class Tap final : public Sink {
 public:
  Tap(Host host, Exchange& x, Sink& out, Flight& flight)
      : host_(host), x_(x), out_(out), flight_(flight) {}

  Status emit(Event e) override {
    completeness_.see(e);
    event_.clear();
    if (!write(event_, e)) {
      flight_.abandon();
    } else if (Status status = flight_.append(host_, x_, event_); !status) {
      return status;
    }
    if (!client_left_) {
      Status status = out_.emit(e);
      client_left_ = status.code() == GH_STOP;
      if (!status && !client_left_) return status;
    }
    return client_left_ && flight_.abandon_if_alone() ? Status(GH_STOP) : Status();
  }

  bool is_complete() const { return completeness_.is_complete(); }
  bool client_left() const { return client_left_; }

 private:
  const Host host_;
  Exchange& x_;
  Sink& out_;
  Flight& flight_;
  Completeness completeness_;
  std::string event_;  // the last one, as JSON text
  bool client_left_ = false;
};

}  // namespace

Status Cache::handle(Exchange& x, Sink& out, Next& next) {
  const Directives client = directives_of(x);
  if (client.no_store) {
    report(x, kBypass);
    return next(x, out);
  }
  const std::string key = key_of(x);
  x.notes().edit("cache_key").set(View(key));
  if (client.no_cache) return fetch(x, out, next, key, kBypass);
  return look_up(x, out, next, key);
}

/// Responds from the store, or by following an identical request, or by an upstream call.
Status Cache::look_up(Exchange& x, Sink& out, Next& next, View key) {
  for (;;) {
    const std::int64_t stored = stored_;
    if (const auto entry = find(x, key)) return respond(x, out, *entry);
    if (!may_be_coalesced(x.chat())) return fetch(x, out, next, key, kMiss);

    const Flights::Join join(flights_, key);
    if (join.leads()) {
      // Another flight may have stored its response between the look-up and now.
      if (const auto entry = stored_ == stored ? std::nullopt : find(x, key))
        return respond(x, out, *entry);
      report(x, kMiss);
      return lead(x, out, next, key, join.flight());
    }
    const Waker waker(host_);
    if (!waker) return fetch(x, out, next, key, kMiss);  // no descriptor is left to wait with
    if (auto status = follow(x, out, join.flight(), waker)) return std::move(*status);
  }
}

Status Cache::respond(Exchange& x, Sink& out, const Entry& entry) {
  x.set_header("Age", std::to_string(entry.age_s));
  report(x, kHit);
  bytes_served_ += entry.bytes;
  return replay(entry.events, out);
}

/// Nothing: the flight has ended without a response for this request.
std::optional<Status> Cache::follow(Exchange& x, Sink& out, Flight& flight, const Waker& waker) {
  x.set_header("X-Cache", kLookups[kCoalesced]);  // before the first wait, when the head leaves
  auto status = flight.follow(x, out, waker);
  if (status) report(x, kCoalesced);
  return status;
}

/// Calls the upstream for this request alone.
Status Cache::fetch(Exchange& x, Sink& out, Next& next, View key, Lookup result) {
  report(x, result);
  Flight alone(max_entry_);
  return lead(x, out, next, key, alone);
}

/// Calls the upstream for all requests of the flight, and stores a complete response.
Status Cache::lead(Exchange& x, Sink& out, Next& next, View key, Flight& flight) {
  Tap tap(host_, x, out, flight);
  auto wanted = [&flight] { return flight.has_followers(); };
  share_response_.outlive(x, wanted);
  Status status = next(x, tap);
  share_response_.end(x);

  if (const Failure why = status.failure()) flight.fail(why.copy());
  if (!status) return status;

  flight.finish();
  if (const std::string* const events = flight.whole(); events && tap.is_complete())
    (void)keep(x, key, *events);
  return tap.client_left() ? Status(GH_STOP) : Status();
}

/// A digest of everything that the response depends on.
std::string Cache::key_of(const Exchange& x) const {
  return hex(crypto_.sha256(share_ ? std::string() : owner_of(x), x.chat()));
}

std::optional<Cache::Entry> Cache::find(Exchange& x, View key) {
  auto value = store_.get(x, key);
  if (!value) {
    if (value.error().code() == GH_UNAVAILABLE) warn_of_store(x);
    return std::nullopt;
  }
  if (!*value) return std::nullopt;
  auto document = Document::parse(**value);
  if (!document) return std::nullopt;  // the value is damaged
  const Json root = document->root();
  auto events = read(root["events"]);
  if (!events) return std::nullopt;
  // Clocks are set, and several gateways have several: an age is between 0 and the ttl.
  const std::int64_t oldest_s = std::chrono::duration_cast<std::chrono::seconds>(ttl_).count();
  const std::int64_t age_s = std::clamp(wall_s() - root["at"].integer(), std::int64_t{0}, oldest_s);
  return Entry{std::move(*document), std::move(*events), age_s,
               static_cast<std::int64_t>((*value)->size())};
}

/// `events`: as JSON text, separated by commas.
Status Cache::keep(Exchange& x, View key, View events) {
  std::string value;
  value.reserve(events.size() + 40);  // {"at":1735689600,"events":[]}
  JsonText json(value);
  json.open('{').member("at", wall_s()).key("events").open('[').raw(events).close(']').close('}');
  Status status = store_.put(x, key, value, ttl_);
  if (status) ++stored_;
  if (status.code() == GH_UNAVAILABLE) warn_of_store(x);
  return status;
}

void Cache::report(Exchange& x, Lookup result) {
  x.set_header("X-Cache", kLookups[result]);
  x.notes().edit("cache").set(kLookups[result]);
  requests_[result].series.record();
  ++requests_[result].total;
}

void Cache::warn_of_store(const Exchange& x) {
  if (store_warning_.due(host_.now()))
    host_.log(GH_WARN, &x, "the store is unavailable: caching is off");
}

Cache::Cache(Host host, Json config)
    : host_(host),
      store_(host),
      crypto_(host),
      share_response_(host),
      ttl_(config["ttl"].duration()),
      max_entry_(config["max_entry"].bytes()),
      share_(config["share"].boolean()),
      flights_(max_entry_) {
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    requests_[i].series =
        Series(host, GH_COUNTER, "gatehouse_cache_requests_total", "Requests by cache result.",
               {{"plugin", host.instance()}, {"result", kLookups[i]}});
  }
  add_admin_routes();
}

namespace {

/// A client that regenerates a response wants a fresh one.
Directives directives_of(const Exchange& x) {
  Directives out;
  out.no_cache = x.notes()["regenerate"].boolean();
  for (View rest = x.header("Cache-Control"); !rest.empty();) {
    const View directive = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), directive.size() + 1));
    if (equals_ignoring_case(trim(directive), "no-cache")) out.no_cache = true;
    if (equals_ignoring_case(trim(directive), "no-store")) out.no_store = true;
  }
  return out;
}

/// The id of a tool call is good for one client: while it arrives, a response that may contain
/// calls is not shared.
bool may_be_coalesced(Json chat) {
  return chat["tools"].size() == 0 && chat["backend_tools"].size() == 0;
}

}  // namespace
}  // namespace gatehouse::plugins::cache

GATEHOUSE_PLUGIN(gatehouse::plugins::cache::Cache, "cache", "1.0.0",
                 "Replays stored responses and coalesces identical requests", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_UNLOADS)
