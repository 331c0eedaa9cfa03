// An upstream for load tests that speaks as much of the Gemini API, or of OpenAI's, as a chat
// needs: streamGenerateContent with alt=sse, or chat/completions, over HTTP/1.1. One thread;
// thousands of streams.
//
//   bench_upstream LANE...       each lane listens on a port of its own and prints "listening PORT
//   LANE"
//
//   once:EVENTS[@PORT]           the whole answer in one send
//   each:EVENTS[@PORT]           every event in a send of its own, back to back
//   every:EVENTS:MS[@PORT]       an event every MS milliseconds; its text begins with the time of
//   sending, "t=<CLOCK_MONOTONIC, ns> " json[@PORT]                  one JSON document with
//   Content-Length, whatever is asked
//   openai-KIND:…                each of the three streams as OpenAI sends it
//
// Requests must carry Content-Length, as those of nginx and of the gateway do.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, shared by all processes of the machine
using namespace std::literals;

// The head Google sends, as far as it has a bearing on size.
constexpr auto kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Disposition: "
    "attachment\r\nVary: Origin\r\nVary: X-Origin\r\n"
    "Vary: Referer\r\nTransfer-Encoding: chunked\r\nServer: scaffolding on "
    "HTTPServer2\r\nX-XSS-Protection: 0\r\n"
    "X-Frame-Options: SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\n\r\n"sv;
constexpr auto kNotFound =
    "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n"
    "{\"error\":{\"code\":404}}"sv;
constexpr auto kStamp = "t=0000000000000000000 "sv;  // as wide as the largest 64-bit time, so that
                                                     // a chunk keeps its length
constexpr auto kWords = "some words of an answer "sv;

std::string chunk(std::string_view data) {
  std::array<char, 24> size;
  const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  return std::string(size.data(), n).append(data).append("\r\n");
}

/// A GenerateContentResponse of about 170 bytes as one chunk; the last one also says why the model
/// stopped and what it took.
std::string gemini_event(std::string_view text, bool last, std::size_t events) {
  std::string data = R"(data: {"candidates":[{"content":{"parts":[{"text":")";
  data.append(text).append(R"("}],"role":"model"})");
  if (last) data += R"(,"finishReason":"STOP")";
  data += R"(,"index":0}])";
  if (last) {
    const std::string output = std::to_string(events * 5);
    data += R"(,"usageMetadata":{"promptTokenCount":480,"candidatesTokenCount":)" + output +
            R"(,"totalTokenCount":)" + std::to_string(480 + events * 5) +
            R"(,"promptTokensDetails":[{"modality":"TEXT","tokenCount":480}]})";
  }
  data += R"(,"modelVersion":"gemini-2.5-flash","responseId":"qJ5xaPbz"})"
          "\r\n\r\n";
  return chunk(data);
}

/// The same as a chat.completion.chunk, some 200 bytes.
std::string openai_event(std::string_view text, bool last, std::size_t events) {
  std::string data = R"(data: {"id":"chatcmpl-qJ5xaPbz","object":"chat.completion.chunk",)"
                     R"("created":1790000000,"model":"gpt-4.1-mini","choices":[{"index":0,)"
                     R"("delta":{"content":")";
  data.append(text).append(R"("},"finish_reason":)");
  data.append(last ? R"("stop"}])" : R"(null}])");
  if (last) {
    data += R"(,"usage":{"prompt_tokens":480,"completion_tokens":)" + std::to_string(events * 5) +
            R"(,"total_tokens":)" + std::to_string(480 + events * 5) + "}";
  }
  data += "}\n\n";
  if (last) data += "data: [DONE]\n\n";
  return chunk(data);
}

struct Wire {
  std::string_view prefix;  // of the name of a lane
  std::string_view target;  // of its requests, or a part of it
  std::string (*event)(std::string_view text, bool last, std::size_t events);
};
constexpr Wire kWires[] = {{"openai-", "/chat/completions ", openai_event},
                           {"", ":streamGenerateContent?alt=sse ", gemini_event}};

struct Due {
  Clock::time_point at;
  std::size_t fd;
  std::uint64_t serial;
};

struct Lane {
  int listener = -1;
  const Wire* wire = nullptr;
  std::vector<std::string> pieces;     // of one answer, each for a send of its own
  std::chrono::milliseconds pause{0};  // between two pieces
  std::deque<Due> due;  // who waits out the pause; in order, because it is always the same
  bool any_request = false;
};

struct Connection {
  Lane* lane;
  std::uint64_t serial;       // tells it from a later one with the same descriptor
  std::string head;           // of the request that is arriving
  std::size_t body_left = 0;  // of that request
  bool answering = false;
  std::size_t piece = 0;    // the next to send
  std::string_view unsent;  // of the piece before
  std::string stamped;      // what `unsent` looks at when a piece carries the time
  bool want_write = false;
};

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bench_upstream: %s\n", what.c_str());
  std::exit(2);
}

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    die("not a number: " + std::string(text));
  return value;
}

/// The parts of one answer, each for a send of its own.
std::vector<std::string> pieces_of(const Wire& wire, std::string_view kind, std::size_t events) {
  std::vector<std::string> pieces{std::string(kStreamHead)};
  for (std::size_t i = 1; i <= events; ++i) {
    std::string piece =
        wire.event(kind == "every" ? std::string(kStamp) + "words" : kWords, i == events, events);
    if (i == events) piece += "0\r\n\r\n";
    if (kind == "once" || (kind == "every" && i == 1)) {
      pieces.back() += piece;
    } else {
      pieces.push_back(std::move(piece));
    }
  }
  return pieces;
}

std::string json_answer() {
  const std::string body = R"({"candidates":[{"content":{"parts":[{"text":")" +
                           std::string(900, 'a') +
                           R"("}],"role":"model"},"finishReason":"STOP"}]})";
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Listens on the loopback address and says on which port.
int listen_on(std::uint16_t port, const std::string& name) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 4096) != 0) {
    die("cannot listen for " + name + ": " + std::strerror(errno));
  }
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("listening %d %s\n", ntohs(address.sin_port), name.c_str());
  return fd;
}

Lane make_lane(const std::string& name) {
  std::string_view rest = name;
  const auto word_before = [&rest](char separator) {
    const std::size_t at = std::min(rest.find(separator), rest.size());
    const std::string_view word = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return word;
  };
  const std::string_view what = word_before('@');
  const std::size_t port = rest.empty() ? 0 : number(rest);
  rest = what;
  std::string_view kind = word_before(':');

  Lane lane;
  lane.wire = std::find_if(std::begin(kWires), std::end(kWires),
                           [kind](const Wire& wire) { return kind.starts_with(wire.prefix); });
  kind.remove_prefix(lane.wire->prefix.size());
  if (kind == "json") {
    lane.pieces = {json_answer()};
    lane.any_request = true;
  } else if (kind == "once" || kind == "each" || kind == "every") {
    const std::size_t events = number(word_before(':'));
    if (events == 0) die("an answer has at least one event: " + name);
    lane.pieces = pieces_of(*lane.wire, kind, events);
    if (kind == "every") lane.pause = std::chrono::milliseconds(number(word_before(':')));
  } else {
    die("no such lane: " + name);
  }
  if (!rest.empty()) die("too much in lane " + name);
  lane.listener = listen_on(static_cast<std::uint16_t>(port), name);
  return lane;
}

class Upstream {
 public:
  explicit Upstream(std::vector<Lane> lanes)
      : lanes_(std::move(lanes)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (const Lane& lane : lanes_) watch(lane.listener, EPOLL_CTL_ADD, EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int n = epoll_wait(epoll_, events.data(), events.size(), time_to_next());
      for (int i = 0; i < n; ++i) {
        const std::size_t fd = events[i].data.u32;
        const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [fd](const Lane& l) {
          return std::size_t(l.listener) == fd;
        });
        if (lane != lanes_.end()) {
          accept_all(*lane);
          continue;
        }
        if (events[i].events & EPOLLOUT) send_on(fd);
        if (connections_[fd] && (events[i].events & ~EPOLLOUT)) receive(fd);
      }
      for (Lane& lane : lanes_) send_due(lane);
    }
  }

 private:
  void watch(int fd, int operation, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.u32 = fd;
    epoll_ctl(epoll_, operation, fd, &e);
  }

  int time_to_next() const {
    auto next = Clock::time_point::max();
    for (const Lane& lane : lanes_) {
      if (!lane.due.empty()) next = std::min(next, lane.due.front().at);
    }
    if (next == Clock::time_point::max()) return -1;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(wait, 0));
  }

  void accept_all(Lane& lane) {
    for (;;) {
      const int fd = accept4(lane.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (connections_.size() <= std::size_t(fd)) connections_.resize(fd + 1024);
      connections_[fd] = std::make_unique<Connection>();
      connections_[fd]->lane = &lane;
      connections_[fd]->serial = ++serial_;
      watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void drop(std::size_t fd) {
    connections_[fd].reset();
    close(static_cast<int>(fd));
  }

  void receive(std::size_t fd) {
    const ssize_t n = recv(static_cast<int>(fd), buffer_.data(), buffer_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return drop(fd);
    Connection& c = *connections_[fd];
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
    if (c.answering)
      return drop(fd);  // nobody we measure sends a request before the answer to the last
    if (c.body_left == 0) {
      const std::size_t before = c.head.size();
      c.head += bytes;
      const std::size_t end = c.head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
      if (end == std::string::npos) return;
      bytes.remove_prefix(end + 4 - before);
      c.head.resize(end + 2);
      c.body_left = content_length(c.head);
    }
    c.body_left -= std::min(c.body_left, bytes.size());
    if (c.body_left > 0) return;
    answer(fd);
  }

  static std::size_t content_length(const std::string& head) {
    const char* field = strcasestr(head.c_str(), "\r\ncontent-length:");
    return field ? std::strtoull(field + 17, nullptr, 10) : 0;
  }

  void answer(std::size_t fd) {
    Connection& c = *connections_[fd];
    const std::string_view target = std::string_view(c.head).substr(0, c.head.find("\r\n"));
    const bool known =
        c.lane->any_request || (target.starts_with("POST ") &&
                                target.find(c.lane->wire->target) != std::string_view::npos);
    c.head.clear();
    c.answering = true;
    c.piece = known ? 0 : c.lane->pieces.size();
    if (!known) c.unsent = kNotFound;
    send_on(fd);
  }

  /// Sends what may go now: up to the next pause, the end of the answer, or until the client must
  /// read first.
  void send_on(std::size_t fd) {
    Connection& c = *connections_[fd];
    Lane& lane = *c.lane;
    for (;;) {
      if (c.unsent.empty()) {
        if (c.piece == lane.pieces.size()) break;
        c.unsent = next_piece(c);
      }
      const ssize_t n = send(static_cast<int>(fd), c.unsent.data(), c.unsent.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) return drop(fd);
      c.unsent.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
      const bool full = !c.unsent.empty();
      if (full != c.want_write) {
        c.want_write = full;
        watch(static_cast<int>(fd), EPOLL_CTL_MOD, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
      }
      if (full) return;
      if (lane.pause.count() > 0 && c.piece < lane.pieces.size()) {
        lane.due.push_back({Clock::now() + lane.pause, fd, c.serial});
        return;
      }
    }
    c.answering = false;
  }

  static std::string_view next_piece(Connection& c) {
    const std::string& piece = c.lane->pieces[c.piece++];
    if (c.lane->pause.count() == 0) return piece;
    c.stamped = piece;
    char* digits = c.stamped.data() + c.stamped.find(kStamp) + 2;
    std::array<char, 20> now;
    const int n = std::snprintf(now.data(), now.size(), "%019lld",
                                static_cast<long long>(Clock::now().time_since_epoch().count()));
    std::copy_n(now.data(), n, digits);
    return c.stamped;
  }

  void send_due(Lane& lane) {
    const auto now = Clock::now();
    while (!lane.due.empty() && lane.due.front().at <= now) {
      const Due due = lane.due.front();
      lane.due.pop_front();
      const auto& c = connections_[due.fd];
      if (c && c->serial == due.serial) send_on(due.fd);
    }
  }

  std::vector<Lane> lanes_;
  const int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::uint64_t serial_ = 0;
  std::array<char, 65536> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  std::vector<Lane> lanes;
  for (int i = 1; i < argc; ++i) lanes.push_back(make_lane(argv[i]));
  if (lanes.empty()) die("which lanes? once:10, each:10, every:200:20 or json");
  std::fflush(stdout);
  const auto upstream = std::make_unique<Upstream>(std::move(lanes));
  upstream->run();
}
