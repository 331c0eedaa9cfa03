/// The leader appends to one text, and each follower reads it at its own position: a follower
/// that is behind takes all new events at once, parses them and emits them without the lock.
/// Followers that have read everything wait, and an append wakes them. While the text is within its
/// limit nobody waits for a slow client. Beyond the limit the text is dropped as soon as all
/// followers have read it, for which the leader waits: it then keeps the pace of the slowest.
#include "flight.h"

#include <algorithm>

#include "transcript.h"

namespace gatehouse::plugins::cache {
namespace {

constexpr auto kUntilWoken = std::chrono::hours(1);  // any length: after it the state is checked

}  // namespace

/// A follower's place in a flight, as long as this object lives.
class Flight::Follower {
 public:
  Follower(Flight& flight, const Waker& own) : waker(own), flight_(flight) {
    const std::lock_guard lock(flight_.mutex_);
    joined_ = flight_.open_;
    if (joined_) flight_.followers_.push_back(this);
  }
  ~Follower() {
    if (!joined_) return;
    const std::lock_guard lock(flight_.mutex_);
    auto& all = flight_.followers_;
    all.erase(std::find(all.begin(), all.end(), this));
    if (flight_.leader_) flight_.leader_->wake();
  }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  explicit operator bool() const { return joined_; }

  const Waker& waker;
  std::size_t position = 0;  // in the whole response; guarded by the flight's mutex, as is `waits`
  bool waits = false;

 private:
  Flight& flight_;
  bool joined_;
};

std::optional<Status> Flight::follow(Exchange& x, Sink& out, const Waker& waker) {
  Follower follower(*this, waker);
  if (!follower) return std::nullopt;

  for (;;) {
    News news = take(follower);
    if (news.ended) return std::move(news.status);
    if (news.events.empty()) {
      if (auto woken = waker.wait(x, kUntilWoken); !woken) return woken.error();
      continue;
    }
    auto document = Document::parse(news.events);
    const auto events = document ? read(document->root()) : std::nullopt;
    if (!events) {
      return Fail{502, "upstream_broken", "The response cannot be read.", "an event is not UTF-8"};
    }
    if (Status status = replay(*events, out); !status) return status;
  }
}

/// The events behind the follower's position, as a JSON array.
Flight::News Flight::take(Follower& follower) {
  const std::lock_guard lock(mutex_);
  if (end_ == End::abandoned) {
    if (follower.position == 0) return {{}, true};
    return {{},
            true,
            Fail{502, "upstream_broken", "The response broke off; try again.",
                 "the request that led the shared response has ended"}};
  }
  View events = View(text_).substr(follower.position - begin_);
  if (events.substr(0, 1) == ",") events.remove_prefix(1);
  follower.position = begin_ + text_.size();
  follower.waits = events.empty();
  if (follower.waits && end_ == End::whole) return {{}, true, Status()};
  if (follower.waits && end_ == End::failed) return {{}, true, failure_};
  if (follower.waits) return {};
  if (leader_) leader_->wake();
  return {"[" + std::string(events) + "]"};
}

Status Flight::append(Host host, Exchange& x, View event) {
  {
    const std::lock_guard lock(mutex_);
    if (end_ != End::none) return Status();
    if (!text_.empty()) text_ += ',';
    text_.append(event);
    for (Follower* const follower : followers_) {
      if (std::exchange(follower->waits, false)) follower->waker.wake();
    }
    if (text_.size() <= max_bytes_) return Status();
    open_ = false;
  }
  return wait_for_followers(host, x);
}

/// With the lock held. False: a follower has not read all of it.
bool Flight::drop_text() {
  const std::size_t end = begin_ + text_.size();
  if (std::any_of(followers_.begin(), followers_.end(),
                  [end](const Follower* f) { return f->position != end; }))
    return false;
  begin_ = end;
  text_.clear();
  return true;
}

Status Flight::wait_for_followers(Host host, Exchange& x) {
  if (!leader_) {
    Waker leader(host);
    if (!leader) {  // nothing could end the wait
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
  failure_ = std::move(why);  // read only after the end
  end(End::failed);
}

bool Flight::abandon_if_alone() {
  const std::lock_guard lock(mutex_);
  if (!followers_.empty()) return false;
  if (end_ == End::none) end_ = End::abandoned;
  open_ = false;
  return true;
}

void Flight::end(End how) {
  const std::lock_guard lock(mutex_);
  if (end_ != End::none) return;
  end_ = how;
  if (how != End::whole) open_ = false;
  for (Follower* const follower : followers_) follower->waker.wake();
}

bool Flight::has_followers() const {
  const std::lock_guard lock(mutex_);
  return !followers_.empty();
}

Flights::Join::Join(Flights& flights, View key) : flights_(flights), key_(key) {
  const std::lock_guard lock(flights_.mutex_);
  std::shared_ptr<Flight>& flight = flights_.flights_[key_];
  leads_ = !flight || !flight->is_open();
  if (leads_) flight = std::make_shared<Flight>(flights_.max_bytes_);
  flight_ = flight;
}

Flights::Join::~Join() {
  if (!leads_) return;
  flight_->abandon();  // has no effect on one that has ended
  const std::lock_guard lock(flights_.mutex_);
  const auto found = flights_.flights_.find(key_);
  if (found != flights_.flights_.end() && found->second == flight_) flights_.flights_.erase(found);
}

}  // namespace gatehouse::plugins::cache
