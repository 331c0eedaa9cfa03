// A client for load tests: many connections, one thread. Prints one line of JSON.
//
//   bench_load loop    --port P --connections N --seconds T   each connection asks again as soon as
//   it has its answer bench_load streams --port P --connections N --seconds T   each connection
//   reads one answer to its end, for at most T bench_load hold    --port P --connections N
//   --seconds T   as streams, but every connection stays open; prints "holding" when each
//                                                             has begun to be answered, and ends
//                                                             with T or with standard input
//
//   --path /health          what to ask for
//   --body FILE             POST it as JSON instead of GET
//   --header "Name: value"  any number of them
//   --ramp SECONDS          open the connections over this time instead of at once (streams, hold)
//   --done                  an answer must end with the event "data: [DONE]"
//
// streams and hold also read the sending times in events of bench_upstream ("t=<CLOCK_MONOTONIC,
// ns> ").
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, shared by all processes of the machine
using namespace std::literals;

// So few that no accept queue overflows: a SYN that is dropped comes again only after a second.
constexpr int kMaxOpening = 128;
constexpr std::size_t kMaxErrors = 1000;  // then there is nothing to measure
constexpr auto kDrain = 5s;               // for answers that are under way when the time is up

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bench_load: %s\n", what.c_str());
  std::exit(2);
}

float milliseconds(Clock::duration time) {
  return std::chrono::duration<float, std::milli>(time).count();
}

struct Options {
  std::string mode;
  std::uint16_t port = 0;
  std::size_t connections = 1;
  std::chrono::duration<double> seconds{10}, ramp{0};
  std::string path = "/", body, headers;
  bool done = false;
};

double number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= 0)) die("not a number: " + text);
  return value;
}

Options parse(int argc, char** argv) {
  Options o;
  o.mode = argc > 1 ? argv[1] : "";
  if (o.mode != "loop" && o.mode != "streams" && o.mode != "hold")
    die("the first argument is loop, streams or hold");
  for (int i = 2; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--done") {
      o.done = true;
      continue;
    }
    if (++i == argc) die(std::string(name) + " needs a value");
    const std::string value = argv[i];
    if (name == "--port") {
      o.port = static_cast<std::uint16_t>(number(value));
    } else if (name == "--connections") {
      o.connections = static_cast<std::size_t>(number(value));
    } else if (name == "--seconds") {
      o.seconds = std::chrono::duration<double>(number(value));
    } else if (name == "--ramp") {
      o.ramp = std::chrono::duration<double>(number(value));
    } else if (name == "--path") {
      o.path = value;
    } else if (name == "--header") {
      o.headers += value + "\r\n";
    } else if (name == "--body") {
      std::ifstream file(value, std::ios::binary);
      o.body.assign(std::istreambuf_iterator<char>(file), {});
      if (o.body.empty()) die("no body in " + value);
    } else {
      die("no such option: " + std::string(name));
    }
  }
  return o;
}

std::string request_of(const Options& o) {
  std::string r = (o.body.empty() ? "GET " : "POST ") + o.path +
                  " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(o.port) + "\r\n" + o.headers;
  if (!o.body.empty())
    r += "Content-Type: application/json\r\nContent-Length: " + std::to_string(o.body.size()) +
         "\r\n";
  return r + "\r\n" + o.body;
}

/// Reads one HTTP/1.1 answer that arrives in pieces of any size. The body is framed by
/// Content-Length or chunks; one that ends with the connection counts as broken, since nobody can
/// tell whether it is whole.
class Answer {
 public:
  /// Gives the body to on_body(string_view). Bytes after the end of the answer make it broken.
  template <class F>
  void feed(std::string_view bytes, F&& on_body) {
    while (!bytes.empty() && !broken_) {
      switch (state_) {
        case kHead: head(bytes); break;
        case kData: {
          const std::string_view piece = bytes.substr(0, std::min(left_, bytes.size()));
          on_body(piece);
          bytes.remove_prefix(piece.size());
          left_ -= piece.size();
          if (left_ == 0) state_ = chunked_ ? kDataEnd : kComplete;
          break;
        }
        case kDataEnd:  // the CR LF after the data of a chunk
          if (!line(bytes)) break;
          if (!line_.empty()) broken_ = true;
          state_ = kSize;
          break;
        case kSize:
          if (line(bytes)) size();
          break;
        case kTrailers:
          if (line(bytes) && line_.empty()) state_ = kComplete;
          break;
        case kComplete: broken_ = true;
      }
    }
  }
  bool begun() const { return status_ != 0; }
  bool complete() const { return state_ == kComplete && !broken_; }
  bool broken() const { return broken_; }
  bool closes() const { return closes_; }
  int status() const { return status_; }

 private:
  enum State { kHead, kData, kDataEnd, kSize, kTrailers, kComplete };

  /// Takes bytes up to the end of a line; true: line_ has it.
  bool line(std::string_view& bytes) {
    if (fresh_line_) line_.clear();
    const std::size_t end = bytes.find('\n');
    fresh_line_ = end != std::string_view::npos;
    line_ += bytes.substr(0, end);
    bytes.remove_prefix(fresh_line_ ? end + 1 : bytes.size());
    if (fresh_line_ && !line_.empty() && line_.back() == '\r') line_.pop_back();
    return fresh_line_;
  }

  void head(std::string_view& bytes) {
    if (!line(bytes)) return;
    if (status_ == 0) {
      status_ = line_.starts_with("HTTP/1.1 ") ? std::atoi(line_.c_str() + 9) : 0;
      if (status_ < 200) broken_ = true;
    } else if (strncasecmp(line_.c_str(), "content-length:", 15) == 0) {
      left_ = std::strtoull(line_.c_str() + 15, nullptr, 10);
      sized_ = true;
    } else if (strncasecmp(line_.c_str(), "transfer-encoding: chunked", 26) == 0) {
      chunked_ = true;
    } else if (strncasecmp(line_.c_str(), "connection: close", 17) == 0) {
      closes_ = true;
    } else if (line_.empty()) {
      if (chunked_ == sized_) broken_ = true;
      state_ = chunked_ ? kSize : left_ > 0 ? kData : kComplete;
    }
  }

  void size() {
    char* end = nullptr;
    left_ = std::strtoull(line_.c_str(), &end, 16);
    if (end == line_.c_str()) broken_ = true;
    state_ = left_ > 0 ? kData : kTrailers;
  }

  State state_ = kHead;
  std::string line_;
  bool fresh_line_ = true;
  std::size_t left_ = 0;
  int status_ = 0;
  bool sized_ = false, chunked_ = false, closes_ = false, broken_ = false;
};

/// Finds "t=<digits> " in a text that arrives in pieces.
class Stamps {
 public:
  template <class F>
  void feed(std::string_view text, F&& on_stamp) {
    for (const char c : text) {
      if (state_ == kDigits && c >= '0' && c <= '9') {
        value_ = value_ * 10 + (c - '0');
        ++digits_;
      } else if (state_ == kEquals && c == '=') {
        state_ = kDigits;
        value_ = digits_ = 0;
      } else {
        if (state_ == kDigits && digits_ == 19)
          on_stamp(Clock::time_point(Clock::duration(value_)));
        state_ = c == 't' ? kEquals : kLetter;
      }
    }
  }

 private:
  enum { kLetter, kEquals, kDigits } state_ = kLetter;
  std::int64_t value_ = 0;
  int digits_ = 0;
};

struct Connection {
  std::size_t sent = 0;  // of the request
  Clock::time_point asked;
  Answer answer;
  Stamps stamps;
  std::string tail;  // the last bytes of the body
  bool want_write = true;
  bool opening = true;  // nothing has been answered yet
  bool idle = false;    // held open after its answer
};

struct Results {
  std::size_t completed = 0, errors = 0, bytes = 0;
  std::map<int, std::size_t> status;
  std::string first_error;
  std::vector<float> answer_ms, event_ms;
};

class Load {
 public:
  explicit Load(const Options& options)
      : o_(options), request_(request_of(o_)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(o_.port);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    results_.answer_ms.reserve(1 << 20);
  }

  void run() {
    start_ = Clock::now();
    end_ = start_ + std::chrono::duration_cast<Clock::duration>(o_.seconds);
    std::array<epoll_event, 256> events;
    while (!over()) {
      open_more();
      const int n = epoll_wait(epoll_, events.data(), events.size(), 5);
      for (int i = 0; i < n; ++i) {
        const int fd = static_cast<int>(events[i].data.u32);
        if (events[i].events & EPOLLOUT) write(fd);
        if (connections_[fd] && (events[i].events & ~EPOLLOUT)) read(fd);
      }
    }
    finished_ = Clock::now();
  }

  void print() {
    const double seconds = std::chrono::duration<double>(finished_ - start_).count();
    std::string status;
    for (const auto& [code, count] : results_.status)
      status +=
          (status.empty() ? "\"" : ",\"") + std::to_string(code) + "\":" + std::to_string(count);
    std::printf(
        "{\"requests\":%zu,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
        "\"errors\":%zu,\"unfinished\":%zu,"
        "\"status\":{%s},\"body_bytes\":%zu,\"events\":%zu,\"event_p50_ms\":%.3f,\"event_p99_ms\":%"
        ".3f,\"first_error\":\"%s\"}\n",
        results_.completed, seconds, double(results_.completed) / seconds,
        percentile(results_.answer_ms, 0.50), percentile(results_.answer_ms, 0.99), results_.errors,
        in_flight_, status.c_str(), results_.bytes, results_.event_ms.size(),
        percentile(results_.event_ms, 0.50), percentile(results_.event_ms, 0.99),
        results_.first_error.c_str());
  }

 private:
  bool over() {
    const auto now = Clock::now();
    if (results_.errors >= kMaxErrors) return true;
    if (o_.mode == "loop") return now >= end_ && (in_flight_ == 0 || now >= end_ + kDrain);
    if (o_.mode == "streams") return now >= end_ || (opened_ == o_.connections && in_flight_ == 0);
    if (!held_ && opened_ == o_.connections && opening_ == 0) {
      held_ = true;
      std::puts("holding");
      std::fflush(stdout);
    }
    pollfd input{0, POLLIN, 0};
    return now >= end_ || (held_ && poll(&input, 1, 0) > 0);
  }

  void open_more() {
    const auto now = Clock::now();
    std::size_t due = o_.connections;
    if (o_.ramp.count() > 0)
      due = std::min(due, static_cast<std::size_t>(double(due) * ((now - start_) / o_.ramp)) + 1);
    while (opened_ < due && opening_ < kMaxOpening && now < end_ && results_.errors < kMaxErrors)
      open();
  }

  void open() {
    ++opened_;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die(std::strerror(errno));
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connections_.size() <= std::size_t(fd)) connections_.resize(fd + 1024);
    connections_[fd] = std::make_unique<Connection>();
    connections_[fd]->asked = Clock::now();
    ++opening_;
    ++in_flight_;
    watch(fd, EPOLL_CTL_ADD, EPOLLOUT);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0 &&
        errno != EINPROGRESS)
      fail(fd, std::strerror(errno));
  }

  void ask(int fd) {
    Connection& c = *connections_[fd];
    c.sent = 0;
    c.answer = Answer();
    c.tail.clear();
    c.asked = Clock::now();
    ++in_flight_;
    write(fd);
  }

  void write(int fd) {
    Connection& c = *connections_[fd];
    const ssize_t n = send(fd, request_.data() + c.sent, request_.size() - c.sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return fail(fd, std::strerror(errno));
    if (n > 0) c.sent += static_cast<std::size_t>(n);
    const bool unsent = c.sent < request_.size();
    if (unsent == c.want_write) return;
    c.want_write = unsent;
    watch(fd, EPOLL_CTL_MOD, unsent ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  void read(int fd) {
    const ssize_t n = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return fail(fd, std::strerror(errno));
    if (n == 0)
      return fail(
          fd, connections_[fd]->idle ? "closed while idle" : "closed in the middle of an answer");
    Connection& c = *connections_[fd];
    const auto now = Clock::now();
    c.answer.feed({buffer_.data(), static_cast<std::size_t>(n)},
                  [&](std::string_view body) { read_body(c, body, now); });
    if (c.answer.broken()) return fail(fd, "not an HTTP/1.1 answer of known length");
    if (c.opening && c.answer.begun()) {
      c.opening = false;
      --opening_;
    }
    if (c.answer.complete()) complete(fd, now);
  }

  void read_body(Connection& c, std::string_view body, Clock::time_point now) {
    results_.bytes += body.size();
    if (o_.mode != "loop") {
      c.stamps.feed(body, [&](Clock::time_point sent) {
        results_.event_ms.push_back(milliseconds(now - sent));
      });
    }
    if (!o_.done) return;
    c.tail.append(body.substr(body.size() - std::min(body.size(), kDone.size())));
    if (c.tail.size() > kDone.size()) c.tail.erase(0, c.tail.size() - kDone.size());
  }

  void complete(int fd, Clock::time_point now) {
    Connection& c = *connections_[fd];
    if (o_.done && c.answer.status() == 200 && c.tail != kDone)
      return fail(fd, "the answer does not end with data: [DONE]");
    ++results_.completed;
    ++results_.status[c.answer.status()];
    results_.answer_ms.push_back(milliseconds(now - c.asked));
    --in_flight_;
    if (o_.mode == "loop" && now < end_ && !c.answer.closes()) return ask(fd);
    if (o_.mode == "hold" && !c.answer.closes()) {
      c.idle = true;
      return;
    }
    drop(fd);
  }

  void fail(int fd, const std::string& why) {
    ++results_.errors;
    if (results_.first_error.empty()) results_.first_error = why;
    const Connection& c = *connections_[fd];
    if (c.opening) --opening_;
    if (!c.idle) --in_flight_;
    drop(fd);
  }

  void drop(int fd) {
    close(fd);
    connections_[fd].reset();
    if (o_.mode == "loop") --opened_;  // the loop keeps its number of connections
  }

  void watch(int fd, int operation, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.u32 = static_cast<std::uint32_t>(fd);
    epoll_ctl(epoll_, operation, fd, &e);
  }

  static double percentile(std::vector<float>& values, double p) {
    if (values.empty()) return 0;
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(p * double(values.size() - 1));
    std::nth_element(values.begin(), nth, values.end());
    return *nth;
  }

  static constexpr auto kDone = "data: [DONE]\n\n"sv;

  const Options o_;
  const std::string request_;
  const int epoll_;
  sockaddr_in address_{};
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::size_t opened_ = 0, in_flight_ = 0;
  int opening_ = 0;
  bool held_ = false;
  Clock::time_point start_, end_, finished_;
  Results results_;
  std::array<char, 65536> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  const Options options = parse(argc, argv);
  const auto load = std::make_unique<Load>(options);
  load->run();
  load->print();
}
