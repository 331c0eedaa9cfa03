// The mechanism: each turn of run() waits in epoll for descriptors, then calls what was posted by
// other threads, then runs each fiber that has something to do until it waits again.
//
// A fiber waits for descriptors as poll(2) does. Most of its waits are for a few sockets, those of
// its client and its upstream, over and over. A Watch registers such a socket once, edge-triggered,
// and the loop remembers its events in `ready` until a read or write has found their end. So
// waiting for it takes no system call, and neither does reading where nothing can have come. Any
// other descriptor is registered for as long as fibers wait for it.
//
// A registration has a generation, which epoll returns with its events: an event of a descriptor
// that has been closed, and perhaps opened again, meanwhile is dropped. Descriptors of listen()
// have generation 0, and are not in `entries_`, since any thread may add and remove them.
//
// The time of a wait is an alarm. Since nearly all waits end before their time, a fiber keeps its
// alarm when it waits anew until a later time, and the alarm that comes early is then set again.
#include "core/net/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <optional>
#include <system_error>

#include "core/net/fiber.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr int kEvents = 32;           // of one turn: each may be a TLS handshake of 1 ms
constexpr std::size_t kSpare = 64;    // fibers that are kept, with the memory of their stacks
constexpr std::size_t kMostFds = 16;  // of one wait
constexpr auto kTurn = 1ms;           // after which a fiber that need not wait lets others run
constexpr std::uint32_t kAlways = EPOLLERR | EPOLLHUP;
constexpr std::uint32_t kLasting = kAlways | EPOLLRDHUP;  // nothing uses these up

static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLRDHUP == POLLRDHUP &&
              EPOLLPRI == POLLPRI && EPOLLERR == POLLERR && EPOLLHUP == POLLHUP);

std::atomic<std::size_t> next_number{1};

constinit thread_local Loop* loop_of_thread = nullptr;

std::uint64_t data_of(int fd, std::uint32_t generation) {
  return std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
}

int new_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot watch descriptors");
  return fd;
}

bool control(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{events, {.u64 = data}};
  return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}

}  // namespace

/// A fiber and what it waits for.
class Loop::Strand {
 public:
  Fiber fiber;
  bool is_ready = false;  // it stands in ready_
  bool is_waiting = false;
  Clock::time_point until{};                 // of its wait
  std::optional<Clock::time_point> alarm{};  // it stands in alarms_
};

Loop::Loop(std::function<void(int fd)> on_connection)
    : on_connection_(std::move(on_connection)), number_(next_number++), epoll_(new_epoll()) {
  (void)add(wake_.fd(), EPOLLIN | EPOLLET);
}

Loop::~Loop() { ::close(epoll_); }

Loop* Loop::of_thread() { return loop_of_thread; }

Loop* Loop::of_fiber() {
  return loop_of_thread && loop_of_thread->running_ ? loop_of_thread : nullptr;
}

void Loop::post(Call call) {
  const std::lock_guard lock(mutex_);
  const bool is_first = posted_.empty();
  posted_.push_back(std::move(call));
  // While the lock is held: the loop may run this call, end and be destroyed as soon as it is not.
  if (is_first) wake_.signal();
}

bool Loop::listen(int fd) {
  return control(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE, data_of(fd, 0));
}

void Loop::ignore(int fd) { (void)control(epoll_, EPOLL_CTL_DEL, fd, 0, 0); }

void Loop::stop() {
  post([this] { stopping_ = true; });
}

Loop::Clock::duration Loop::stall() const {
  const Clock::rep since = busy_since_.load(std::memory_order_relaxed);
  return since == 0 ? Clock::duration::zero()
                    : Clock::now() - Clock::time_point(Clock::duration(since));
}

void Loop::run() {
  loop_of_thread = this;
  while (!stopping_ || strands_ > 0) {
    poll();
    run_posted();
    run_ready();
  }
  alarms_.clear();
  spare_.clear();  // on the thread of the fibers
  loop_of_thread = nullptr;
}

void Loop::poll() {
  std::array<epoll_event, kEvents> events;
  const int patience = milliseconds_to_wait();
  busy_since_.store(0, std::memory_order_relaxed);
  const int count = ::epoll_wait(epoll_, events.data(), kEvents, patience);
  polled_ = Clock::now();
  busy_since_.store(polled_.time_since_epoch().count(), std::memory_order_relaxed);
  for (int i = 0; i < count; ++i) handle(events[i].data.u64, events[i].events);
  ring(polled_);
}

int Loop::milliseconds_to_wait() const {
  if (!ready_.empty()) return 0;
  if (alarms_.empty()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(alarms_.begin()->first - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

void Loop::handle(std::uint64_t data, std::uint32_t events) {
  const int fd = static_cast<int>(data & 0xffffffff);
  const auto generation = static_cast<std::uint32_t>(data >> 32);
  if (generation == 0) {
    on_connection_(fd);
    return;
  }
  Entry& e = entry(fd);
  if (e.generation != generation) return;
  e.ready |= events;
  bool is_awaited = false;
  for (Interest* i = e.first; i; i = i->next) {
    const auto ready =
        static_cast<short>(events & (static_cast<std::uint32_t>(i->wanted->events) | kAlways));
    i->wanted->revents |= ready;
    if (ready == 0) continue;
    make_ready(*i->strand);
    is_awaited = true;
  }
  if (is_awaited || !e.watch || !e.watch->on_ready_) return;
  const Call on_ready = e.watch->on_ready_;  // which may destroy the Watch
  on_ready();
}

void Loop::run_posted() {
  std::vector<Call> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(posted_);
  }
  for (const Call& call : calls) call();
}

/// Wakes the fibers whose time is up.
void Loop::ring(Clock::time_point now) {
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    Strand& strand = *alarms_.begin()->second;
    if (strand.is_waiting && strand.until > now) {
      set_alarm(strand, strand.until);
      continue;
    }
    alarms_.erase(alarms_.begin());
    strand.alarm.reset();
    if (strand.is_waiting) make_ready(strand);
  }
}

void Loop::run_ready() {
  running_now_.swap(ready_);  // those that become ready meanwhile have the next turn
  for (std::size_t i = 0; i < running_now_.size(); ++i) {  // start() may move them
    Strand* const strand = running_now_[i];
    strand->is_ready = false;
    running_ = strand;
    const bool has_more = strand->fiber.resume();
    running_ = nullptr;
    if (!has_more) end(std::unique_ptr<Strand>(strand));
  }
  running_now_.clear();
}

/// Its work has ended. A strand that is kept also keeps its alarm.
void Loop::end(std::unique_ptr<Strand> strand) {
  --strands_;
  if (!stopping_ && spare_.size() < kSpare) {
    spare_.push_back(std::move(strand));
  } else if (strand->alarm) {
    alarms_.erase({*strand->alarm, strand.get()});
  }
}

bool Loop::start(std::function<void()> work) {
  std::unique_ptr<Strand> strand;
  try {
    if (spare_.empty()) {
      strand = std::make_unique<Strand>();
    } else {
      strand = std::move(spare_.back());
      spare_.pop_back();
    }
    ready_.reserve(strands_ + 1);  // so that make_ready() never fails
    running_now_.reserve(strands_ + 1);
    strand->fiber.begin(std::move(work));
  } catch (const std::bad_alloc&) {
    return false;
  }
  make_ready(*strand.release());  // run_ready() owns it when the work has ended
  ++strands_;
  return true;
}

void Loop::make_ready(Strand& strand) {
  if (strand.is_ready) return;
  ready_.push_back(&strand);
  strand.is_ready = true;
}

void Loop::set_alarm(Strand& strand, Clock::time_point until) {
  if (strand.alarm) {
    auto known = alarms_.extract({*strand.alarm, &strand});
    known.value().first = until;
    alarms_.insert(std::move(known));
  } else {
    alarms_.emplace(until, &strand);
  }
  strand.alarm = until;
}

int Loop::wait(pollfd* fds, std::size_t count, Clock::time_point until) {
  Strand& strand = *running_;
  const auto now = Clock::now();
  if (until <= now) {
    if (now - polled_ >= kTurn) {
      make_ready(strand);
      strand.fiber.suspend();
    }
    return ::poll(fds, count, 0);
  }
  if (const int ready = collect(fds, count); ready > 0) return ready;
  if (!strand.alarm || until < *strand.alarm) set_alarm(strand, until);

  std::array<Interest, kMostFds> interests;
  std::size_t enlisted = 0;
  int failed = count > kMostFds ? EINVAL : 0;
  for (std::size_t i = 0; i < count && !failed; ++i) {
    if (fds[i].fd < 0) continue;
    interests[enlisted] = {&fds[i], &strand, nullptr, nullptr};
    if (enlist(interests[enlisted])) {
      ++enlisted;
    } else {
      failed = errno;
    }
  }
  if (!failed) {
    strand.until = until;
    strand.is_waiting = true;
    strand.fiber.suspend();
    strand.is_waiting = false;
  }
  while (enlisted > 0) leave(interests[--enlisted]);
  // What epoll does not watch, such as a file or no descriptor at all, is always ready.
  if (failed == EPERM || failed == EBADF) return ::poll(fds, count, 0);
  errno = failed;
  return failed ? -1 : static_cast<int>(std::count_if(fds, fds + count, [](const pollfd& fd) {
    return fd.revents != 0;
  }));
}

/// Of those that are watched.
int Loop::collect(pollfd* fds, std::size_t count) {
  int ready = 0;
  for (std::size_t i = 0; i < count; ++i) {
    fds[i].revents = fds[i].fd < 0 ? short{0} : ready_of(fds[i]);
    if (fds[i].revents) ++ready;
  }
  return ready;
}

short Loop::ready_of(const pollfd& fd) {
  const Entry& e = entry(fd.fd);
  const auto wanted = static_cast<std::uint32_t>(fd.events) | kAlways;
  return e.watch ? static_cast<short>(e.ready & wanted) : short{0};
}

Loop::Entry& Loop::entry(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= entries_.size()) entries_.resize(std::max(index + 1, 2 * entries_.size()));
  return entries_[index];
}

/// Begins a registration. The descriptor may still have one of an earlier generation.
bool Loop::add(int fd, std::uint32_t events) {
  Entry& e = entry(fd);
  const bool was_known = e.generation != 0;
  renew(e);
  e.ready = 0;
  const std::uint64_t data = data_of(fd, e.generation);
  const auto attempt = [&](int operation) { return control(epoll_, operation, fd, events, data); };
  if (was_known && attempt(EPOLL_CTL_MOD)) return true;
  return attempt(EPOLL_CTL_ADD) || (errno == EEXIST && attempt(EPOLL_CTL_MOD));
}

/// Events of before are none of this descriptor any more.
void Loop::renew(Entry& e) {
  if (++e.generation == 0) ++e.generation;
}

/// Puts it into the list of its descriptor. False: errno has the reason.
bool Loop::enlist(Interest& interest) {
  const int fd = interest.wanted->fd;
  Entry& e = entry(fd);
  if (!e.watch) {
    auto events = static_cast<std::uint32_t>(interest.wanted->events);
    for (const Interest* i = e.first; i; i = i->next)
      events |= static_cast<std::uint32_t>(i->wanted->events);
    const bool is_known =
        e.first && control(epoll_, EPOLL_CTL_MOD, fd, events, data_of(fd, e.generation));
    if (!is_known && !add(fd, events)) return false;
  }
  interest.next = e.first;
  if (e.first) e.first->previous = &interest;
  e.first = &interest;
  return true;
}

void Loop::leave(Interest& interest) {
  Entry& e = entry(interest.wanted->fd);
  if (interest.next) interest.next->previous = interest.previous;
  (interest.previous ? interest.previous->next : e.first) = interest.next;
  if (!e.first && !e.watch) ignore(interest.wanted->fd);
}

Watch::Watch(Loop* loop, int fd, Loop::Call on_ready)
    : loop_(loop), fd_(fd), on_ready_(std::move(on_ready)) {
  if (!loop_ || !loop_->add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) return;
  loop_->entry(fd).watch = this;
  is_on_ = true;
}

/// The registration stays until the descriptor is closed; its events are those of an old
/// generation.
Watch::~Watch() {
  if (!is_on_) return;
  Loop::Entry& e = loop_->entry(fd_);
  e.watch = nullptr;
  Loop::renew(e);
}

bool Watch::may_read() const { return is_on_ && loop_->entry(fd_).ready & (EPOLLIN | kLasting); }

bool Watch::may_write() const { return is_on_ && loop_->entry(fd_).ready & (EPOLLOUT | kAlways); }

bool Watch::may_read(int fd) {
  Loop* const loop = Loop::of_thread();
  if (!loop) return true;
  const Loop::Entry& e = loop->entry(fd);
  return !e.watch || e.ready & (EPOLLIN | kLasting);
}

void Watch::note_end(int fd, short event) {
  if (Loop* const loop = Loop::of_thread())
    loop->entry(fd).ready &= ~static_cast<std::uint32_t>(event);
}

}  // namespace gatehouse::core
