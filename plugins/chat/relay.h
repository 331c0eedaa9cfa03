#pragma once

#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/every.hpp"
#include "recording.h"

namespace gatehouse::plugins::chat {

/// Recordings in the store, for clients that resume a response at another gateway than the one
/// whose request it is. For each chat the store has the id of its last recording; for one whose
/// client has left also its pieces, by number, and what readers elsewhere wish. Any thread.
class Relay {
 public:
  /// `keep`: as in Recording.
  Relay(Host host, std::chrono::nanoseconds keep) : host_(host), store_(host), keep_(keep) {}

  /// Makes a recording the last one of the chat `key`, and stops the one before if nobody has
  /// received it.
  void announce(Exchange& x, View key, View id);
  /// The same for one that stands in nobody's place.
  void put(Exchange& x, View key, View id);
  /// The chat has no recording any more, unless another one has taken the place of this one.
  void forget(Exchange& x, View key, View id);
  /// The id of the last recording; empty: there is none. Not ok: the store is unavailable.
  Result<std::string> find(Exchange& x, View key);

  /// In a task of the request, once its client has left: writes what is recorded to the store until
  /// the end, and carries out what readers elsewhere wish.
  void publish(Exchange& x, Recording& recording) const;
  /// Stops a request of another gateway.
  void stop(Exchange& x, View id) const;

  class Reader;

 private:
  bool put_piece(Exchange& x, View key, View value) const;
  std::chrono::nanoseconds ttl(const Exchange& x) const;
  void warn_of_store(const Exchange& x);

  const Host host_;
  const Store store_;
  const std::chrono::nanoseconds keep_;
  Every store_warning_;
};

/// As Recording::Reader, of a recording that another gateway publishes.
class Relay::Reader {
 public:
  Reader(const Relay& relay, View id)
      : relay_(relay), id_(id), heard_(relay.host_.now()), told_(relay.host_.now()) {}

  /// Looks every 100 ms: the store has no notifications.
  Result<Recording::Piece> read(Exchange& x);

 private:
  const Relay& relay_;
  const std::string id_;
  std::int64_t number_ = 0;  // of the next piece
  std::chrono::nanoseconds heard_, told_;
};

}  // namespace gatehouse::plugins::chat
