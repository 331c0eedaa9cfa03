#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "flight.h"
#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/every.hpp"
#include "transcript.h"

namespace gatehouse::plugins::cache {

/// Replays stored responses to identical requests, and coalesces identical requests that arrive at
/// the same time into one upstream call. Stores complete, successful responses without tool calls.
class Cache final : public Plugin {
 public:
  Cache(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  enum Lookup { kHit, kMiss, kCoalesced, kBypass };
  static constexpr std::array<View, 4> kLookups = {"hit", "miss", "coalesced", "bypass"};
  struct Counter {
    Series series;
    std::atomic<std::int64_t> total{0};
  };
  struct Entry {
    Document document;
    std::vector<gh_event> events;  // views of the document
    std::int64_t age_s, bytes;
  };

  Status look_up(Exchange& x, Sink& out, Next& next, View key);
  std::optional<Status> follow(Exchange& x, Sink& out, Flight& flight, const Waker& waker);
  Status respond(Exchange& x, Sink& out, const Entry& entry);
  Status fetch(Exchange& x, Sink& out, Next& next, View key, Lookup result);
  Status lead(Exchange& x, Sink& out, Next& next, View key, Flight& flight);

  std::string key_of(const Exchange& x) const;
  std::optional<Entry> find(Exchange& x, View key);
  Status keep(Exchange& x, View key, View events);
  void report(Exchange& x, Lookup result);
  void warn_of_store(const Exchange& x);
  std::int64_t wall_s() const {
    return std::chrono::duration_cast<std::chrono::seconds>(host_.wall()).count();
  }

  // Routes of the admin address: admin.cpp.
  void add_admin_routes();
  Status show_entry(Exchange& x, Sink& out);
  Status put_entry(Exchange& x, Sink& out);
  Status erase(Exchange& x, Sink& out);
  Status show_statistics(Exchange& x, Sink& out);

  const Host host_;
  const Store store_;
  const Crypto crypto_;
  const Share share_response_;
  const std::chrono::milliseconds ttl_;
  const std::size_t max_entry_;
  const bool share_;
  Flights flights_;
  std::array<Counter, kLookups.size()> requests_;  // by Lookup
  std::atomic<std::int64_t> stored_{0}, bytes_served_{0};
  Every store_warning_;
};

}  // namespace gatehouse::plugins::cache
