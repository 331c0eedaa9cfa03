#include "cache.h"

#include <algorithm>

#include "schema.h"

namespace gatehouse::plugins::cache {
namespace {

using namespace std::chrono_literals;

/// What a client asked for with Cache-Control (RFC 9111 5.2.1). Other directives are for caches of
/// other kinds.
struct Wish {
  bool no_cache = false;  // an answer of now, which may be kept
  bool no_store = false;  // nothing of this is kept, or comes from what was
};

Wish read_wish(View cache_control) {
  Wish wish;
  while (!cache_control.empty()) {
    std::string directive(cache_control.substr(0, cache_control.find(',')));
    cache_control.remove_prefix(std::min(cache_control.size(), directive.size() + 1));
    directive.erase(std::remove_if(directive.begin(), directive.end(),
                                   [](char c) { return c == ' ' || c == '\t'; }),
                    directive.end());
    for (char& c : directive) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    wish.no_cache = wish.no_cache || directive == "no-cache";
    wish.no_store = wish.no_store || directive == "no-store";
  }
  return wish;
}

/// The ids of tool calls are good for one client, so an answer that may have some is not shared
/// while it comes.
bool may_be_shared(Json chat) {
  return chat["tools"].size() == 0 && chat["backend_tools"].size() == 0;
}

/// Between the leader's client and what answers: passes each event on, and appends it to the
/// flight.
class Tap final : public Sink {
 public:
  Tap(Host host, Exchange& x, Sink& out, Flight& flight)
      : host_(host), x_(x), out_(out), flight_(flight) {}

  Status emit(Event e) override {
    ending_.see(e);
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
    return client_left_ && flight_.abandon_if_empty() ? Status(GH_STOP) : Status();
  }

  const Ending& ending() const { return ending_; }
  bool client_left() const { return client_left_; }

 private:
  const Host host_;
  Exchange& x_;
  Sink& out_;
  Flight& flight_;
  Ending ending_;
  std::string event_;  // the last one, as text
  bool client_left_ = false;
};

Status no_content(Exchange& x, Sink& out) {
  x.set_status(204);
  return out.emit(event::bytes({}, true));
}

Fail store_is_down() {
  return {503, "store_unavailable", "The store does not answer: try again.", {}};
}

}  // namespace

Cache::Cache(Host host, Json config)
    : host_(host),
      store_(host),
      crypto_(host),
      share_response_(host),
      ttl_(config["ttl"].duration(60s)),
      max_entry_(config["max_entry"].bytes(1 << 20)),
      share_(config["share"].boolean(false)),
      flights_(max_entry_) {
  if (ttl_ < 1ms) host.problem("/ttl", "must be at least 1ms");
  admin_route<&Cache::show_entry>(host, this, "GET", "/entries", "An entry: ?key=");
  admin_route<&Cache::put_entry>(host, this, "PUT", "/entries", "Stores an entry: ?key=");
  admin_route<&Cache::erase>(host, this, "DELETE", "/entries",
                             "Erases an entry: ?key=, or all entries");
  admin_route<&Cache::show_statistics>(host, this, "GET", "/statistics", "Requests by result");
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    requests_[i].series = Series(host, GH_COUNTER, "gatehouse_cache_requests_total",
                                 "Requests, by what the cache had for them.",
                                 {{"plugin", host.instance()}, {"result", kResults[i]}});
  }
}

Status Cache::handle(Exchange& x, Sink& out, Next& next) {
  Wish wish = read_wish(x.header("Cache-Control"));
  if (x.notes()["regenerate"].boolean())
    wish.no_cache = true;  // the client wants another answer than the one it has got
  if (wish.no_store) {
    tell(x, kBypass);
    return next(x, out);
  }
  const std::string key = key_of(x);
  x.notes().edit("cache_key").set(View(key));
  const bool shared = !wish.no_cache && may_be_shared(x.chat());

  while (!wish.no_cache) {
    const std::int64_t stored = stored_;
    if (const auto kept = find(x, key)) {
      x.set_header("Age", std::to_string(kept->age_s));
      tell(x, kHit);
      bytes_served_ += kept->bytes;
      return replay(kept->events, out);
    }
    if (!shared) break;
    const Flights::Boarding boarding(flights_, key);
    if (boarding.leads()) {
      if (stored_ != stored && find(x, key))
        continue;  // the last flight ended between the look into the store and now
      tell(x, kMiss);
      return ask(x, out, next, key, boarding.flight());
    }
    const Waker waker(host_);
    if (!waker) break;
    x.set_header("X-Cache",
                 kResults[kCoalesced]);  // before the first wait, with which the head leaves
    if (auto status = boarding.flight().ride(x, out, waker)) {
      tell(x, kCoalesced);
      return std::move(*status);
    }
  }
  tell(x, wish.no_cache ? kBypass : kMiss);
  Flight alone(max_entry_);
  return ask(x, out, next, key, alone);
}

/// A digest of all that the answer depends on.
std::string Cache::key_of(Exchange& x) const {
  std::string tenant;
  if (!share_) {
    const Json notes = x.notes();
    tenant = notes["extension_id"].str(x.header("X-Extension-ID"));
    // Neither of the two nor JSON text can contain a NUL.
    tenant.append(1, '\0').append(notes["install"].str()).append(1, '\0');
  }
  return hex(crypto_.sha256(tenant, x.chat()));
}

/// Asks the model, for all who ride in `flight`, and keeps the answer.
Status Cache::ask(Exchange& x, Sink& out, Next& next, View key, Flight& flight) {
  Tap tap(host_, x, out, flight);
  auto wanted = [&flight] { return flight.is_ridden(); };
  share_response_.outlive(x, wanted);
  Status status = next(x, tap);
  share_response_.end(x);

  if (const Failure why = status.failure()) flight.fail(why.copy());
  if (!status) return status;

  flight.finish();
  if (const std::string* const events = flight.whole(); events && tap.ending().is_proper())
    (void)keep(x, key, *events);
  return tap.client_left() ? Status(GH_STOP) : Status();
}

std::optional<Cache::Kept> Cache::find(Exchange& x, View key) {
  auto value = store_.get(x, key);
  if (!value) {
    if (value.error().code() == GH_UNAVAILABLE) warn_of_store(x);
    return std::nullopt;
  }
  if (!*value) return std::nullopt;
  auto document = Document::parse(**value);
  if (!document) return std::nullopt;  // torn
  const Json root = document->root();
  auto events = read(root["events"]);
  if (!events) return std::nullopt;
  const std::int64_t now = wall_s(),
                     oldest = std::chrono::duration_cast<std::chrono::seconds>(ttl_).count();
  const std::int64_t at = std::clamp(root["at"].integer(), now - oldest,
                                     now);  // clocks are set, and gateways have several
  return Kept{std::move(*document), std::move(*events), now - at,
              static_cast<std::int64_t>((*value)->size())};
}

/// `events`: each with a comma after it.
Status Cache::keep(Exchange& x, View key, View events) {
  std::string value;
  value.reserve(events.size() + 40);
  value.append(R"({"at":)")
      .append(std::to_string(wall_s()))
      .append(R"(,"events":[)")
      .append(events);
  value.back() = ']';
  value += '}';
  Status status = store_.put(x, key, value, ttl_);
  if (status) ++stored_;
  if (status.code() == GH_UNAVAILABLE) warn_of_store(x);
  return status;
}

void Cache::tell(Exchange& x, Result result) {
  x.set_header("X-Cache", kResults[result]);
  x.notes().edit("cache").set(kResults[result]);
  requests_[result].series.record();
  ++requests_[result].total;
}

void Cache::warn_of_store(const Exchange& x) {
  const std::int64_t now = host_.now().count();
  std::int64_t last = warned_ns_;
  if (now - last < std::chrono::nanoseconds(1min).count() ||
      !warned_ns_.compare_exchange_strong(last, now))
    return;
  host_.log(GH_WARN, &x, "the store does not answer: no answers are kept, and none are found");
}

// ---- Admin routes ------------------------------------------------------------------------------

namespace {

/// Of ?key=, with which an admin route is called.
Result<View> asked_key(const Exchange& x) {
  View key = x.query();
  if (key.substr(0, 4) == "key=") key.remove_prefix(4);
  if (key.size() == 64 && key.find_first_not_of("0123456789abcdef") == View::npos) return key;
  return Fail{400,
              "key_invalid",
              "Missing or invalid key: use ?key=<64 hex digits>, logged as cache_key.",
              {}};
}

}  // namespace

Status Cache::show_entry(Exchange& x, Sink& out) {
  auto key = asked_key(x);
  if (!key) return key.error();
  auto value = store_.get(x, *key);
  if (!value) return store_is_down();
  if (!*value) return Fail{404, "not_found", "The cache has no entry with this key.", {}};
  return x.reply(out, 200, "application/json", **value);
}

Status Cache::put_entry(Exchange& x, Sink& out) {
  auto key = asked_key(x);
  if (!key) return key.error();
  auto body = x.json();
  if (!body) return body.error();
  const auto events = read((*body)["events"]);
  Ending ending;
  std::string text;
  for (const gh_event& e : events.value_or(std::vector<gh_event>())) {
    ending.see(e);
    (void)write(text, e);  // can be, since it was read
  }
  if (!ending.is_proper()) {
    return Fail{400,
                "entry_invalid",
                "The body must be an entry as GET shows it, with something to see and events up to "
                "a step-finish named stop.",
                {}};
  }
  if (text.size() > max_entry_)
    return Fail{413, "entry_too_large", "The entry is larger than max_entry of the cache.", {}};
  return keep(x, *key, text) ? no_content(x, out) : store_is_down();
}

Status Cache::erase(Exchange& x, Sink& out) {
  if (x.query().empty()) return store_.clear(x) ? no_content(x, out) : store_is_down();
  auto key = asked_key(x);
  if (!key) return key.error();
  return store_.erase(x, *key) ? no_content(x, out) : store_is_down();
}

Status Cache::show_statistics(Exchange& x, Sink& out) {
  const Document document;
  MutableJson root = document.root();
  for (std::size_t i = 0; i < requests_.size(); ++i)
    root.edit(kResults[i]).set(requests_[i].total.load());
  root.edit("stored").set(stored_.load());
  root.edit("bytes_served").set(bytes_served_.load());
  return x.reply(out, 200, "application/json", document.root().dump());
}

}  // namespace gatehouse::plugins::cache

GATEHOUSE_PLUGIN(gatehouse::plugins::cache::Cache, "cache", "1.0.0",
                 "Answers the same question with the same answer", GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
