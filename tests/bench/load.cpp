// The client of the benchmark: many connections, one thread. Prints one JSON object: the number of
// responses, how long they took, and what the watched processes used meanwhile.
//
//   bench_load loop     each connection sends its next request when it has its response
//   bench_load streams  each connection sends --repeat requests and closes
//   bench_load idle     each connection sends one request and stays open
//
//   --port P --connections N
//   --path /health --body FILE --header "Name: value"    what is sent; with a body it is a POST
//   --status 200 --events N     what a response must have: its status, and so many times of sending
//   --warmup S --seconds S      loop: the time before the one that counts, and that
//   --ramp S                    streams and idle: the time over which connections are opened
//   --limit S                   streams: those that have not ended by then are unfinished
//   --hold S                    idle: how long they are held
//   --watch NAME=PID            CPU and memory of a process and its children
//
// CPU time is that of the process clocks (clock_getcpuclockid), in nanoseconds and with threads
// that have ended, over exactly the time that counts.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "http.h"

namespace {

using bench::Clock;
using nlohmann::json;
using Seconds = std::chrono::duration<double>;
using namespace std::literals;

constexpr std::size_t kMaxErrors = 1000;  // of a loop: then there is nothing to measure
constexpr auto kDrain = 2s;               // for responses that are under way when the time is up
constexpr auto kMemoryInterval = 200ms;   // between two looks at the memory

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bench_load: %s\n", what.c_str());
  std::exit(2);
}

struct Options {
  std::string mode, path = "/", body, headers;
  std::map<std::string, pid_t> watch;
  double port = 0, connections = 1, status = 200, events = 0, repeat = 1;
  double warmup = 0.3, seconds = 2, ramp = 0, limit = 60, hold = 2;
};

double number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= 0)) die("not a number: " + text);
  return value;
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (bytes.empty()) die("nothing in " + path);
  return bytes;
}

void set(Options& o, const std::string& name, const std::string& value) {
  const std::map<std::string_view, double*> numbers{
      {"--port", &o.port},     {"--connections", &o.connections}, {"--status", &o.status},
      {"--events", &o.events}, {"--repeat", &o.repeat},           {"--warmup", &o.warmup},
      {"--ramp", &o.ramp},     {"--seconds", &o.seconds},         {"--limit", &o.limit},
      {"--hold", &o.hold}};
  if (const auto found = numbers.find(name); found != numbers.end()) {
    *found->second = number(value);
  } else if (name == "--path") {
    o.path = value;
  } else if (name == "--body") {
    o.body = contents(value);
  } else if (name == "--header") {
    o.headers += value + "\r\n";
  } else if (name == "--watch") {
    const std::size_t equals = value.find('=');
    o.watch[value.substr(0, equals)] = std::atoi(value.c_str() + equals + 1);
  } else {
    die("no such option: " + name);
  }
}

Options parse(int argc, char** argv) {
  Options o;
  o.mode = argc > 1 ? argv[1] : "";
  if (o.mode != "loop" && o.mode != "streams" && o.mode != "idle")
    die("the first argument is loop, streams or idle");
  for (int i = 2; i < argc; i += 2) {
    if (i + 1 == argc) die(argv[i] + " needs a value"s);
    set(o, argv[i], argv[i + 1]);
  }
  return o;
}

std::string request_of(const Options& o) {
  std::string r = (o.body.empty() ? "GET " : "POST ") + o.path +
                  " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(static_cast<int>(o.port)) +
                  "\r\n" + o.headers;
  if (!o.body.empty())
    r += "Content-Type: application/json\r\nContent-Length: " + std::to_string(o.body.size()) +
         "\r\n";
  return r + "\r\n" + o.body;
}

// ---- Processes

/// The words of /proc/PID/stat after the name; the second is the parent.
std::vector<std::string> stat_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end = line.rfind(')');
  std::istringstream rest(end == line.npos ? "" : line.substr(end + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

/// A process and all that descend from it.
std::vector<pid_t> family(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name[0] < '0' || name[0] > '9') continue;
    const auto words = stat_of(name);
    if (words.size() > 1) children.emplace(std::stoi(words[1]), std::stoi(name));
  }
  std::vector<pid_t> found{root};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto it = first; it != last; ++it) found.push_back(it->second);
  }
  return found;
}

double cpu_seconds(const std::vector<pid_t>& pids) {
  double sum = 0;
  for (const pid_t pid : pids) {
    clockid_t clock{};
    timespec t{};
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0)
      sum += double(t.tv_sec) + double(t.tv_nsec) / 1e9;
  }
  return sum;
}

/// A number from /proc/PID/status, such as VmRSS in KiB.
double status_sum(const std::vector<pid_t>& pids, const std::string& field) {
  double sum = 0;
  for (const pid_t pid : pids) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);)
      if (line.starts_with(field + ":")) sum += std::atof(line.c_str() + field.size() + 1);
  }
  return sum;
}

/// Of all cores and all processes, since the machine started.
double busy_seconds() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  std::array<double, 7> ticks{};  // user, nice, system, idle, iowait, irq, softirq
  file >> cpu;
  for (double& t : ticks) file >> t;
  return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / double(sysconf(_SC_CLK_TCK));
}

struct Watched {
  std::vector<pid_t> pids;
  double cpu = 0, rss_before = 0, rss_peak = 0, threads_peak = 0;
};

// ---- The load

float milliseconds(Clock::duration time) {
  return std::chrono::duration<float, std::milli>(time).count();
}

struct Connection {
  std::size_t sent = 0;   // of the request
  std::size_t begun = 0;  // requests
  Clock::time_point asked;
  bench::Message response;
  bench::Times times;
  std::size_t events = 0;  // of this response
  std::string sample;      // the first bytes of the body, for the report of an error
  bool want_write = true;
  bool idle = false;  // held open after its response
};

struct Results {
  std::size_t done = 0, errors = 0, events = 0;
  std::string first_error;
  std::vector<float> response_ms, first_event_ms, event_ms;
};

json quantiles(std::vector<float>& values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  const auto at = [&](double p) {
    return values[static_cast<std::size_t>(p * double(values.size() - 1))];
  };
  return {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}, {"max", values.back()}};
}

class Load {
 public:
  explicit Load(const Options& options)
      : o_(options), request_(request_of(o_)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(static_cast<std::uint16_t>(o_.port));
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (const auto& [name, pid] : o_.watch) {
      watched_[name].pids = family(pid);
      watched_[name].rss_before = status_sum(watched_[name].pids, "VmRSS");
    }
  }

  json run() {
    start_ = Clock::now();
    begin_window();
    std::array<epoll_event, 1024> events;
    while (!over()) {
      open_more();
      const int n = epoll_wait(epoll_, events.data(), events.size(), 5);
      for (int i = 0; i < n; ++i) {
        const int fd = static_cast<int>(events[i].data.u32);
        if (events[i].events & EPOLLOUT) write(fd);
        if (connections_[fd] && (events[i].events & ~EPOLLOUT)) read(fd);
      }
      look_at_memory();
    }
    return report_;
  }

 private:
  bool over() {
    const double at = Seconds(Clock::now() - start_).count();
    if (o_.mode == "loop") return loop_over(at);
    const bool all_done = opened_ == connections() && in_flight_ == 0;
    if (all_done && held_since_ == 0) held_since_ = at;
    const bool ended = all_done && (o_.mode == "streams" || at >= held_since_ + o_.hold);
    if (!ended && at < o_.limit) return false;
    end_window();
    return true;
  }

  bool loop_over(double at) {
    if (!warm_ && at >= o_.warmup) {
      warm_ = true;
      begin_window();
    }
    if (report_.is_null() && (at >= o_.warmup + o_.seconds || results_.errors >= kMaxErrors))
      end_window();
    // What is under way is read to its end, so that no server has to cancel it during the next run.
    return !report_.is_null() && (in_flight_ == 0 || at >= o_.warmup + o_.seconds + kDrain / 1s);
  }

  std::size_t connections() const { return static_cast<std::size_t>(o_.connections); }

  void begin_window() {
    results_ = {};
    window_ = Clock::now();
    busy_ = busy_seconds();
    own_cpu_ = cpu_seconds({getpid()});
    for (auto& [name, watched] : watched_) watched.cpu = cpu_seconds(watched.pids);
  }

  void end_window() {
    const double seconds = Seconds(Clock::now() - window_).count();
    double ours = cpu_seconds({getpid()}) - own_cpu_;
    json processes = json::object();
    for (const auto& [name, watched] : watched_) {
      const double cpu = cpu_seconds(watched.pids) - watched.cpu;
      ours += cpu;
      processes[name] = {{"cpu_s", cpu},
                         {"rss_before_kib", watched.rss_before},
                         {"rss_peak_kib", watched.rss_peak},
                         {"rss_kib", status_sum(watched.pids, "VmRSS")},
                         {"threads_peak", watched.threads_peak}};
    }
    report_ = {{"seconds", seconds},
               {"done", results_.done},
               {"errors", results_.errors},
               {"unfinished", o_.mode == "loop" ? 0 : in_flight_ + connections() - opened_},
               {"first_error", results_.first_error},
               {"events", results_.events},
               {"peak_streams", peak_streams_},
               {"response_ms", quantiles(results_.response_ms)},
               {"first_event_ms", quantiles(results_.first_event_ms)},
               {"event_ms", quantiles(results_.event_ms)},
               {"processes", processes},
               {"foreign_cores", std::max(0.0, (busy_seconds() - busy_ - ours) / seconds)}};
  }

  void look_at_memory() {
    if (Clock::now() < next_look_) return;
    next_look_ = Clock::now() + kMemoryInterval;
    for (auto& [name, watched] : watched_) {
      watched.rss_peak = std::max(watched.rss_peak, status_sum(watched.pids, "VmRSS"));
      watched.threads_peak = std::max(watched.threads_peak, status_sum(watched.pids, "Threads"));
    }
  }

  void open_more() {
    const double passed = Seconds(Clock::now() - start_).count();
    std::size_t due = connections();
    if (passed < o_.ramp) due = static_cast<std::size_t>(o_.connections * passed / o_.ramp) + 1;
    while (report_.is_null() && opened_ < due) open();
  }

  void open() {
    ++opened_;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die(std::strerror(errno));
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connections_.size() <= std::size_t(fd)) connections_.resize(fd + 1024);
    connections_[fd] = std::make_unique<Connection>();
    begin(*connections_[fd]);
    watch(fd, EPOLL_CTL_ADD, EPOLLOUT);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0 &&
        errno != EINPROGRESS)
      fail(fd, std::strerror(errno));
  }

  void begin(Connection& c) {
    c.sent = c.events = 0;
    c.response = {};
    c.times = {};
    c.sample.clear();
    c.asked = Clock::now();
    ++c.begun;
    ++in_flight_;
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
    Connection& c = *connections_[fd];
    if (n == 0) return fail(fd, c.idle ? "closed while idle" : "closed within the response");
    const auto now = Clock::now();
    const auto rest = c.response.feed({buffer_.data(), static_cast<std::size_t>(n)},
                                      [&](std::string_view body) { read_body(c, body, now); });
    if (c.response.broken() || !rest.empty()) return fail(fd, "not a response of known length");
    if (c.response.complete()) complete(fd, now);
  }

  void read_body(Connection& c, std::string_view body, Clock::time_point now) {
    if (c.sample.size() < 300) c.sample += body.substr(0, 300 - c.sample.size());
    if (o_.events == 0) return;
    c.times.feed(body, [&](Clock::time_point sent) {
      if (c.events++ == 0) {
        results_.first_event_ms.push_back(milliseconds(now - c.asked));
        peak_streams_ = std::max(peak_streams_, ++streams_);
      }
      ++results_.events;
      results_.event_ms.push_back(milliseconds(now - sent));
    });
  }

  void complete(int fd, Clock::time_point now) {
    Connection& c = *connections_[fd];
    if (c.response.status() != o_.status)
      return fail(fd, "status " + std::to_string(c.response.status()));
    if (double(c.events) < o_.events)
      return fail(fd, "only " + std::to_string(c.events) + " events");
    ++results_.done;
    results_.response_ms.push_back(milliseconds(now - c.asked));
    end_response(c);
    const bool more = o_.mode == "loop" ? report_.is_null() : double(c.begun) < o_.repeat;
    if (c.response.closes() || (!more && o_.mode != "idle")) return drop(fd);
    c.idle = !more;
    if (!more) return;
    begin(c);
    write(fd);
  }

  void end_response(const Connection& c) {
    --in_flight_;
    if (c.events > 0) --streams_;
  }

  void fail(int fd, const std::string& why) {
    const Connection& c = *connections_[fd];
    ++results_.errors;
    if (results_.first_error.empty())
      results_.first_error = why + (c.sample.empty() ? "" : ": " + c.sample);
    if (!c.idle) end_response(c);
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

  const Options o_;
  const std::string request_;
  const int epoll_;
  sockaddr_in address_{};
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::size_t opened_ = 0, in_flight_ = 0, streams_ = 0, peak_streams_ = 0;
  bool warm_ = false;
  double held_since_ = 0;
  Clock::time_point start_, window_, next_look_;
  Results results_;
  json report_;  // null: the time that counts is not over
  double busy_ = 0, own_cpu_ = 0;
  std::map<std::string, Watched> watched_;
  std::array<char, 256 * 1024> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  const auto load = std::make_unique<Load>(parse(argc, argv));
  std::cout << load->run().dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
}
