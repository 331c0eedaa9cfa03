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

/// An answer on its way from the model, for all who asked the same at the same time. One of them
/// leads: it asks the model and appends what comes. The others ride along from the first event,
/// each at the pace of its own client.
class Flight {
 public:
  /// More than so many bytes are not kept: then nobody can begin to ride, and the leader waits for
  /// those who do.
  explicit Flight(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // ---- The leader, on its thread ----

  /// Waits, if it must, for the slowest rider. Not ok: time is up, or nobody is left.
  Status append(Host host, Exchange& x, View event);
  /// The answer has ended well.
  void finish() { end(End::whole); }
  void fail(Fail why);
  /// What follows is for the leader alone, or does not follow: riders that have passed nothing on
  /// ask for themselves, the others fail. Has no effect after finish() and fail().
  void abandon() { end(End::abandoned); }
  /// False: somebody rides.
  bool abandon_if_empty();
  /// All events, each with a comma after it; null: there was too much, or not all is there.
  const std::string* whole() const { return end_ == End::whole && is_open() ? &text_ : nullptr; }

  // ---- Any thread ----

  bool is_ridden() const;
  /// New riders may come.
  bool is_open() const { return open_; }
  /// Passes the answer on until it ends. Nothing: there is none to be had here, and nothing has
  /// been passed on.
  std::optional<Status> ride(Exchange& x, Sink& out, const Waker& waker);

 private:
  enum class End { none, whole, failed, abandoned };
  class Seat;

  Status wait_for_riders(Host host, Exchange& x);
  void end(End how);
  bool drop_text();

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::atomic<bool> open_ = true;  // written with mutex_
  // Guarded by mutex_; written by the leader only, which therefore reads them without it.
  std::string text_;
  std::size_t begin_ = 0;  // of text_ in the whole answer
  End end_ = End::none;
  Fail failure_;
  std::optional<Waker> leader_;  // made when it has to wait
  std::vector<Seat*> seats_;     // guarded by mutex_
};

/// The answers on their way, by key. Any thread.
class Flights {
 public:
  explicit Flights(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Finds the flight for a key, or begins one. Whoever begins it leads, and the flight is over
  /// when this is destroyed.
  class Boarding {
   public:
    Boarding(Flights& flights, View key);
    ~Boarding();
    Boarding(const Boarding&) = delete;
    Boarding& operator=(const Boarding&) = delete;

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
