// The upstream of the benchmark: as much of Gemini's and OpenAI's APIs as a streamed chat needs,
// and an MCP server with one tool. One thread, thousands of streams. All events are made in
// advance, and only the time of sending is written into each, so that the upstream costs little
// beside the servers that are measured.
//
//   bench_upstream                     prints "listening PORT"
//
//   POST ...:streamGenerateContent     a stream as Gemini sends it
//   POST .../chat/completions          a stream as OpenAI sends it
//   POST /mcp                          an MCP server (Streamable HTTP) with the tool `lookup`
//   POST /set?events=10&batch=1&delay_us=0&tool=0      what the streams that begin from now on
//     are like: their number of events, of some 40 tokens each; how many of them one send has;
//     the pause before each event, which then has a send of its own; whether Gemini calls the
//     tool, and responds with text when it gets the result
//   GET ...                            a small JSON document
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
#include <deque>
#include <memory>
#include <vector>

#include "http.h"

namespace {

using bench::Clock;
using namespace std::literals;

constexpr auto kJson = "application/json"sv;
constexpr auto kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"sv;
// With what makes translation work: a quote and a newline that are escaped, and a letter of two
// bytes.
constexpr auto kWords = R"(; the page of the café names three \"opening hours\" for the week,\n)"
                        R"(and only the second of them fits the day that you asked about, )"
                        R"(so that is the one I would rely on for Sunday. )"sv;
constexpr auto kCall =
    R"({"functionCall":{"name":"bench_lookup","args":{"day":"Sunday","place":"Café Löwe"}}})"sv;

std::string json_response(std::string_view body, std::string_view status = "200 OK"sv) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(kJson) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string chunk(std::string_view data) {
  std::array<char, 24> size;
  const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  return std::string(size.data(), static_cast<std::size_t>(n)).append(data).append("\r\n");
}

std::string text() {
  return std::string(bench::kMark) + std::string(bench::kDigits, '0') + std::string(kWords);
}

/// A GenerateContentResponse, which reports the usage with each event, as Gemini does.
std::string gemini_event(const std::string& part, bool last) {
  return R"(data: {"candidates": [{"content": {"parts": [)" + part + R"(],"role": "model"},)" +
         (last ? R"("finishReason": "STOP",)" : "") +
         R"("index": 0}],"usageMetadata": {"promptTokenCount": 480,"candidatesTokenCount": 400,)"
         R"("totalTokenCount": 880,"promptTokensDetails": [{"modality": "TEXT",)"
         R"("tokenCount": 480}]},"modelVersion": "gemini-2.5-flash","responseId": "qJ5xaPbzGb"})"
         "\r\n\r\n";
}

std::string openai_event(std::string_view delta, std::string_view finish_reason) {
  return R"(data: {"id":"chatcmpl-qJ5xaPbz","object":"chat.completion.chunk",)"
         R"("created":1790000000,"model":"gpt-4.1-mini","choices":[{"index":0,"delta":{)" +
         std::string(delta) + R"(},"finish_reason":)" + std::string(finish_reason) + "}]}\n\n";
}

/// Chunks in which only the time changes.
struct Event {
  explicit Event(std::string chunks) : bytes(std::move(chunks)) {
    const std::size_t mark = bytes.find(bench::kMark);
    time_at = mark == bytes.npos ? mark : mark + bench::kMark.size();
  }
  std::string bytes;
  std::size_t time_at;  // npos: none
};

struct Api {
  Event event, last;
};

const Api kGemini{
    Event(chunk(gemini_event(R"({"text": ")" + text() + R"("})", false))),
    Event(chunk(gemini_event(R"({"text": ")" + text() + R"("})", true)) + "0\r\n\r\n")};
const std::string kDelta = R"("content":")" + text() + R"(")";
const Api kOpenAi{Event(chunk(openai_event(kDelta, "null"))),
                  Event(chunk(openai_event(kDelta, "null")) +
                        chunk(openai_event("", R"("stop")") + "data: [DONE]\n\n") + "0\r\n\r\n")};
const Api kCalling{kGemini.event,
                   Event(chunk(gemini_event(std::string(kCall), true)) + "0\r\n\r\n")};

struct Shape {
  std::size_t events = 10, batch = 1;
  std::chrono::microseconds delay{0};
  bool tool = false;
};

struct Connection {
  std::uint64_t serial;  // tells it from a later one with the same descriptor
  bench::Message request;
  std::string body;
  const Api* api = nullptr;
  Shape shape;
  std::size_t left = 0;  // events of the stream that are not in `out` yet
  std::string out;       // what the socket has not taken yet
  bool want_write = false;
};

struct Due {
  Clock::time_point at;
  std::size_t fd;
  std::uint64_t serial;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::size_t number(std::string_view text, std::string_view key, std::size_t otherwise) {
  const std::size_t at = text.find(key);
  return at == text.npos ? otherwise : std::strtoull(text.data() + at + key.size(), nullptr, 10);
}

/// The value of a member as it stands in the text, as far as our peers write JSON; or "".
std::string member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  const std::size_t at = json.find(key);
  if (at == json.npos) return "";
  const std::string_view rest = json.substr(at + key.size());
  return std::string(rest.substr(0, rest.find_first_of(",}")));
}

std::string mcp_result(const std::string& method, std::string_view body) {
  if (method == R"("initialize")")
    return R"({"protocolVersion":)" + member(body, "protocolVersion") +
           R"(,"capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}})";
  if (method == R"("tools/list")")
    return R"({"tools":[{"name":"lookup","description":"Opening hours of a place.",)"
           R"("inputSchema":{"type":"object","properties":{"day":{"type":"string"},)"
           R"("place":{"type":"string"}},"required":["day"]}}]})";
  if (method == R"("tools/call")")
    return R"({"content":[{"type":"text","text":"Sunday: 9:00 to 18:00, kitchen until 17:00."}]})";
  return "";
}

std::string mcp_response(const bench::Message& request, std::string_view body) {
  if (!request.first_line().starts_with("POST ")) return json_response("{}", "405 Not Allowed");
  const std::string id = member(body, "id");
  if (id.empty()) return "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
  const std::string result = mcp_result(member(body, "method"), body);
  return json_response(R"({"jsonrpc":"2.0","id":)" + id +
                       (result.empty() ? R"(,"error":{"code":-32601,"message":"no method"}})"
                                       : R"(,"result":)" + result + "}"));
}

class Upstream {
 public:
  Upstream() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0) die("bind");
    if (listen(listener_, 16384) != 0) die("listen");
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    watch(listener_, EPOLL_CTL_ADD, EPOLLIN);
    std::printf("listening %d\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 1024> events;
    for (;;) {
      const timespec wait = time_to_next();
      const int n = epoll_pwait2(epoll_, events.data(), events.size(), &wait, nullptr);
      for (int i = 0; i < n; ++i) {
        const int fd = static_cast<int>(events[i].data.u32);
        if (fd == listener_) {
          accept_all();
          continue;
        }
        if (events[i].events & EPOLLOUT) go_on(fd);
        if (connections_[fd] && (events[i].events & ~EPOLLOUT)) receive(fd);
      }
      send_due();
    }
  }

 private:
  void watch(int fd, int operation, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.u32 = static_cast<std::uint32_t>(fd);
    epoll_ctl(epoll_, operation, fd, &e);
  }

  /// In nanoseconds, so that the pauses keep their length.
  timespec time_to_next() const {
    if (due_.empty()) return {1, 0};
    const auto wait = due_.front().at - Clock::now();
    return {0, std::clamp<std::int64_t>(wait / 1ns, 0, 999'999'999)};
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (connections_.size() <= std::size_t(fd)) connections_.resize(fd + 1024);
      connections_[fd] = std::make_unique<Connection>();
      connections_[fd]->serial = ++serial_;
      watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void drop(int fd) {
    connections_[fd].reset();
    close(fd);
  }

  void receive(int fd) {
    const ssize_t n = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return drop(fd);
    Connection& c = *connections_[fd];
    const auto rest = c.request.feed({buffer_.data(), static_cast<std::size_t>(n)},
                                     [&](std::string_view piece) { keep(c, piece); });
    // Nobody we measure sends a request before it has the response to the last one.
    if (c.request.broken() || !rest.empty() || c.left > 0) return drop(fd);
    if (!c.request.complete()) return;
    respond(c);
    c.request = {};
    c.body.clear();
    begin(fd);
  }

  /// Only what decides the response: most bodies are not looked at.
  void keep(Connection& c, std::string_view piece) {
    if (shape_.tool || has(c.request.first_line(), " /mcp")) c.body += piece;
  }

  void respond(Connection& c) {
    const std::string& line = c.request.first_line();
    const bool gemini = has(line, ":streamGenerateContent");
    if (gemini || has(line, "/chat/completions")) {
      c.api = gemini ? &kGemini : &kOpenAi;
      c.shape = shape_;
      c.left = shape_.events;
      if (gemini && shape_.tool && !has(c.body, "functionResponse")) {
        c.api = &kCalling;
        c.left = 1;
      }
      c.out += kStreamHead;
    } else if (has(line, " /mcp")) {
      c.out += mcp_response(c.request, c.body);
    } else if (has(line, " /set?")) {
      set(line);
      c.out += json_response("{}");
    } else {
      c.out += line.starts_with("GET ") ? json_response(R"({"status":"ok"})")
                                        : json_response("{}", "404 Not Found");
    }
  }

  void set(std::string_view line) {
    shape_.events = number(line, "events=", 10);
    shape_.batch = number(line, "batch=", 1);
    shape_.delay = std::chrono::microseconds(number(line, "delay_us=", 0));
    shape_.tool = number(line, "tool=", 0) == 1;
  }

  void begin(int fd) {
    const Connection& c = *connections_[fd];
    if (c.left > 0 && c.shape.delay > 0us) return later(fd);
    go_on(fd);
  }

  void later(int fd) {
    const Connection& c = *connections_[fd];
    due_.push_back({Clock::now() + c.shape.delay, static_cast<std::size_t>(fd), c.serial});
  }

  static void append_event(Connection& c) {
    const Event& event = c.left == 1 ? c.api->last : c.api->event;
    const std::size_t at = c.out.size();
    c.out += event.bytes;
    --c.left;
    if (event.time_at == std::string::npos) return;
    auto time = Clock::now().time_since_epoch().count();
    char* digits = c.out.data() + at + event.time_at;
    for (std::size_t i = bench::kDigits; i-- > 0; time /= 10) digits[i] = char('0' + time % 10);
  }

  /// False when the client must read first, or has left.
  bool flush(int fd) {
    Connection& c = *connections_[fd];
    const ssize_t n = send(fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
      drop(fd);
      return false;
    }
    if (n > 0) c.out.erase(0, static_cast<std::size_t>(n));
    const bool full = !c.out.empty();
    if (full != c.want_write) watch(fd, EPOLL_CTL_MOD, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    c.want_write = full;
    return !full;
  }

  /// Sends what may go now: all of the stream, as far as the client reads, unless it has pauses.
  void go_on(int fd) {
    Connection& c = *connections_[fd];
    const bool paced = c.shape.delay > 0us;
    do {
      for (std::size_t i = 0; !paced && i < c.shape.batch && c.left > 0; ++i) append_event(c);
    } while (flush(fd) && !paced && c.left > 0);
  }

  void send_due() {
    const auto now = Clock::now();
    while (!due_.empty() && due_.front().at <= now) {
      const Due due = due_.front();
      due_.pop_front();
      const auto& c = connections_[due.fd];
      if (!c || c->serial != due.serial) continue;
      append_event(*c);
      if (c->left > 0) later(static_cast<int>(due.fd));
      flush(static_cast<int>(due.fd));
    }
  }

  const int epoll_;
  int listener_ = -1;
  Shape shape_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::deque<Due> due_;  // in order, as all streams of a lane have the same pause
  std::uint64_t serial_ = 0;
  std::array<char, 256 * 1024> buffer_;
};

}  // namespace

int main() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  const auto upstream = std::make_unique<Upstream>();
  upstream->run();
}
