#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "flight.h"
#include "gatehouse/plugin.hpp"
#include "transcript.h"

namespace gatehouse::plugins::cache {

/// Answers a question that was asked before, word for word, with the answer it got, and questions
/// that are asked at the same time with one. Whole successful answers without tool calls only.
class Cache final : public Plugin {
 public:
  Cache(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  enum Result { kHit, kMiss, kCoalesced, kBypass };
  static constexpr std::array<View, 4> kResults = {"hit", "miss", "coalesced", "bypass"};
  struct Counter {
    Series series;
    std::atomic<std::int64_t> total{0};
  };
  struct Kept {
    Document document;
    std::vector<gh_event> events;  // views of the document
    std::int64_t age_s, bytes;
  };

  std::string key_of(Exchange& x) const;
  std::optional<Kept> find(Exchange& x, View key);
  Status keep(Exchange& x, View key, View events);
  Status ask(Exchange& x, Sink& out, Next& next, View key, Flight& flight);
  void tell(Exchange& x, Result result);
  void warn_of_store(const Exchange& x);
  std::int64_t wall_s() const {
    return std::chrono::duration_cast<std::chrono::seconds>(host_.wall()).count();
  }

  // Admin routes.
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
  std::array<Counter, kResults.size()> requests_;  // by Result
  std::atomic<std::int64_t> stored_{0}, bytes_served_{0};
  std::atomic<std::int64_t> warned_ns_{INT64_MIN / 2};  // long ago
};

}  // namespace gatehouse::plugins::cache
