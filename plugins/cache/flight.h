#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::cache {

/// A response in progress, shared by identical requests (as Go's singleflight). One of them leads:
/// it calls the upstream and appends the events. The others follow it from its first event, each at
/// the pace of its own client.
class Flight {
 public:
  /// A longer response is not kept: from then on no request can join, and the leader waits for its
  /// followers.
  explicit Flight(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // ---- The leader, on its thread ----

  /// `event`: as JSON text. Waits for the slowest follower when the text is at its limit. Not ok:
  /// time is up, or everybody has left.
  Status append(Host host, Exchange& x, View event);
  /// The response is complete.
  void finish() { end(End::whole); }
  void fail(Fail why);
  /// What follows is for the leader alone, or does not follow: followers that have passed nothing
  /// on send their own requests, the others fail. Has no effect after finish() and fail().
  void abandon() { end(End::abandoned); }
  /// False: there are followers.
  bool abandon_if_alone();
  /// All events, separated by commas; null: they were too long, or the response is not complete.
  const std::string* whole() const { return end_ == End::whole && is_open() ? &text_ : nullptr; }

  // ---- Any thread ----

  bool has_followers() const;
  /// Requests can join.
  bool is_open() const { return open_; }
  /// Passes the response on until it ends. Nothing: there is none for this request, and nothing has
  /// been passed on.
  std::optional<Status> follow(Exchange& x, Sink& out, const Waker& waker);

 private:
  enum class End { none, whole, failed, abandoned };
  class Follower;

  /// What a follower finds: events to pass on, or the end; neither: it has to wait.
  struct News {
    std::string events;
    bool ended = false;
    std::optional<Status> status = {};  // of the end; nothing: see follow()
  };
  News take(Follower& follower);
  Status wait_for_followers(Host host, Exchange& x);
  void end(End how);
  bool drop_text();

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::atomic<bool> open_ = true;  // written with mutex_ held
  // Guarded by mutex_; only the leader writes them, and so reads them without it.
  std::string text_;
  std::size_t begin_ = 0;  // position of text_ in the whole response
  End end_ = End::none;
  Fail failure_;
  std::optional<Waker> leader_;       // made when it has to wait
  std::vector<Follower*> followers_;  // guarded by mutex_
};

/// The responses in progress, by key. Any thread.
class Flights {
 public:
  explicit Flights(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Joins the flight for a key, or starts one. The request that starts it leads, and the flight is
  /// over when this object is destroyed.
  class Join {
   public:
    Join(Flights& flights, View key);
    ~Join();
    Join(const Join&) = delete;
    Join& operator=(const Join&) = delete;

    bool leads() const { return leads_; }
    Flight& flight() const { return *flight_; }

   private:
    Flights& flights_;
    const std::string key_;
    std::shared_ptr<Flight> flight_;
    bool leads_ = false;
  };

 private:
  const std::size_t max_bytes_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;  // guarded by mutex_
};

}  // namespace gatehouse::plugins::cache
