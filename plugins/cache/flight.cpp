#include "flight.h"

#include <algorithm>

#include "transcript.h"

namespace gatehouse::plugins::cache {
namespace {

constexpr auto kUntilWoken = std::chrono::hours(1);  // of any length: whoever waits looks again

}  // namespace

/// A rider's place in a flight, and how far it has come.
class Flight::Seat {
 public:
  Seat(Flight& flight, const Waker& rider) : waker(rider), flight_(flight) {
    const std::lock_guard lock(flight_.mutex_);
    taken_ = flight_.open_;
    if (taken_) flight_.seats_.push_back(this);
  }
  ~Seat() {
    if (!taken_) return;
    const std::lock_guard lock(flight_.mutex_);
    flight_.seats_.erase(std::find(flight_.seats_.begin(), flight_.seats_.end(), this));
    if (flight_.leader_) flight_.leader_->wake();
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  explicit operator bool() const { return taken_; }

  const Waker& waker;
  std::size_t position = 0;  // in the whole answer; guarded by the flight's mutex, as is `waits`
  bool waits = false;

 private:
  Flight& flight_;
  bool taken_;
};

std::optional<Status> Flight::ride(Exchange& x, Sink& out, const Waker& waker) {
  Seat seat(*this, waker);
  if (!seat) return std::nullopt;

  for (;;) {
    std::string events = "[";
    {
      const std::lock_guard lock(mutex_);
      if (end_ == End::abandoned) {
        if (seat.position == 0) return std::nullopt;
        return Fail{502, "upstream_broken", "The answer broke off: ask again.",
                    "the request that led the shared answer ended"};
      }
      events.append(text_, seat.position - begin_);
      seat.position = begin_ + text_.size();
      seat.waits = events.size() == 1;
      if (seat.waits && end_ == End::whole) return Status();
      if (seat.waits && end_ == End::failed) return failure_;
      if (!seat.waits && leader_) leader_->wake();
    }
    if (events.size() == 1) {
      if (auto woken = waker.wait(x, kUntilWoken); !woken) return woken.error();
      continue;
    }
    events.back() = ']';
    auto document = Document::parse(events);
    const auto parsed = document ? read(document->root()) : std::nullopt;
    if (!parsed)
      return Fail{502, "upstream_broken", "The answer cannot be read.", "an event is not UTF-8"};
    if (Status status = replay(*parsed, out); !status) return status;
  }
}

Status Flight::append(Host host, Exchange& x, View event) {
  {
    const std::lock_guard lock(mutex_);
    if (end_ != End::none) return Status();
    text_.append(event);
    for (Seat* const seat : seats_) {
      if (std::exchange(seat->waits, false)) seat->waker.wake();
    }
    if (text_.size() <= max_bytes_) return Status();
    open_ = false;
  }
  return wait_for_riders(host, x);
}

/// With the lock held. False: somebody has not taken all of it.
bool Flight::drop_text() {
  const std::size_t end = begin_ + text_.size();
  if (std::any_of(seats_.begin(), seats_.end(),
                  [end](const Seat* seat) { return seat->position != end; }))
    return false;
  begin_ = end;
  text_.clear();
  return true;
}

Status Flight::wait_for_riders(Host host, Exchange& x) {
  if (!leader_) {
    Waker leader(host);
    if (!leader) {  // nobody could end the wait
      abandon();
      return Status();
    }
    const std::lock_guard lock(mutex_);
    leader_ = std::move(leader);
  }
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (drop_text()) return Status();
    }
    if (auto woken = leader_->wait(x, kUntilWoken); !woken) return woken.error();
  }
}

void Flight::fail(Fail why) {
  failure_ = std::move(why);  // nobody looks before the end
  end(End::failed);
}

bool Flight::abandon_if_empty() {
  const std::lock_guard lock(mutex_);
  if (!seats_.empty()) return false;
  if (end_ == End::none) end_ = End::abandoned;
  open_ = false;
  return true;
}

void Flight::end(End how) {
  const std::lock_guard lock(mutex_);
  if (end_ != End::none) return;
  end_ = how;
  if (how != End::whole) open_ = false;
  for (Seat* const seat : seats_) seat->waker.wake();
}

bool Flight::is_ridden() const {
  const std::lock_guard lock(mutex_);
  return !seats_.empty();
}

Flights::Boarding::Boarding(Flights& flights, View key) : flights_(flights), key_(key) {
  const std::lock_guard lock(flights_.mutex_);
  std::shared_ptr<Flight>& flight = flights_.flights_[key_];
  leads_ = !flight || !flight->is_open();
  if (leads_) flight = std::make_shared<Flight>(flights_.max_bytes_);
  flight_ = flight;
}

Flights::Boarding::~Boarding() {
  if (!leads_) return;
  flight_->abandon();  // unless it has come to an end
  const std::lock_guard lock(flights_.mutex_);
  const auto found = flights_.flights_.find(key_);
  if (found != flights_.flights_.end() && found->second == flight_) flights_.flights_.erase(found);
}

}  // namespace gatehouse::plugins::cache
