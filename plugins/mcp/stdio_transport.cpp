/// keep() starts the process and pumps: its thread alone reads and writes the pipes. Other threads
/// put messages into outbox_ and wait on a Waker of their own, which deliver() wakes with the
/// response.
#include "stdio_transport.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "parse_message.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kUntilWoken = 1h;  // any length: after it the state is checked
constexpr std::size_t kMaxOutbox = 16u << 20;         // beyond it the server has stopped reading
constexpr std::size_t kReadAtOnce = 64 * 1024;        // what a pipe holds: pipe(7)
// From a process that has ended; a child of it may hold the pipe and write on.
constexpr int kLastReads = kMaxMessage / kReadAtOnce;
constexpr std::size_t kMaxErrorLine = 1000;
constexpr int kErrorsPerMinute = 100;

std::vector<std::string> texts(Json list) {
  std::vector<std::string> out;
  for (const Json text : list) out.emplace_back(text.str());
  return out;
}

std::map<std::string, std::string> map_of(Json object) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : object.members()) out.emplace(name, value.str());
  return out;
}

}  // namespace

bool Ration::take(std::chrono::nanoseconds now) {
  if (taken_ == 0 || now - began_ > 1min) {
    began_ = now;
    taken_ = 0;
  }
  return taken_++ < per_minute_;
}

StdioTransport::StdioTransport(Host host, Json config, const std::string& pointer, Respond respond)
    : host_(host),
      name_(config["name"].str()),
      command_{texts(config["command"]), map_of(config["env"]), std::string(config["cwd"].str())},
      respond_(std::move(respond)),
      error_lines_(kErrorsPerMinute),
      changed_(host) {
  if (!changed_) host.problem(pointer, "the gateway has no file descriptor left for it");
  if (!can_be_run(command_)) {
    host.warning(pointer + "/command",
                 "the program " + command_.words.front() + " is missing or not executable");
  }
}

Status StdioTransport::keep(Exchange& x, std::chrono::nanoseconds time, Opening& opening) {
  auto process = Process::start(command_);
  if (!process) return process.error();
  process_.emplace(std::move(*process));
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
    dropped_ = false;
    outbox_.clear();
  }
  auto work = [&](Exchange& task) {
    if (opening.begin(task)) opening.done();
  };
  Task task(host_, x, host_.now() + time, work);
  Status status = task ? pump(x) : unavailable("There is no thread to connect it.");
  end_waits();
  (void)task.join(x);
  return status;
}

void StdioTransport::close(Exchange&) {
  if (process_) process_->end();
  process_.reset();
}

Result<Response> StdioTransport::request(Exchange& x, const RpcRequest& request) {
  Waiting mine{Waker(host_), host_.now()};
  if (!mine.waker)
    return unavailable("The gateway has no file descriptor left to wait for the tool server.");
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(request.id, &mine);
  }
  Result<Response> result = Status();
  if (Status sent = send(x, request.message); !sent) {
    result = std::move(sent);
  } else {
    result = wait(x, mine, request.silence);
  }
  const std::lock_guard lock(mutex_);
  waiting_.erase(request.id);
  return result;
}

Result<Response> StdioTransport::wait(Exchange& x, Waiting& mine,
                                      std::chrono::nanoseconds silence) {
  for (;;) {
    auto time = kUntilWoken;
    {
      const std::lock_guard lock(mutex_);
      if (mine.response) return std::move(*mine.response);
      if (!running_)
        return Fail{502, std::string(kEnded), "The tool server ended before it responded.", {}};
      if (silence.count() > 0) time = mine.heard + silence - host_.now();
    }
    if (time.count() <= 0) return Status(GH_CANCELLED);
    if (auto woken = mine.waker.wait(x, time); !woken) return woken.error();
  }
}

Status StdioTransport::send(Exchange&, View message) {
  const std::lock_guard lock(mutex_);
  if (!running_) return unavailable("The tool server has ended.");
  if (outbox_.size() + message.size() > kMaxOutbox)
    return unavailable("The tool server has stopped reading its input.");
  outbox_.append(message).append("\n");
  changed_.wake();
  return Status();
}

void StdioTransport::drop() {
  const std::lock_guard lock(mutex_);
  dropped_ = true;
  changed_.wake();
}

void StdioTransport::end_waits() {
  const std::lock_guard lock(mutex_);
  running_ = false;
  for (const auto& [id, waiting] : waiting_) waiting->waker.wake();
}

bool StdioTransport::has_output() {
  const std::lock_guard lock(mutex_);
  return !outbox_.empty();
}

/// Moves bytes between the pipes and the threads that send and wait, until the process or `x` ends.
Status StdioTransport::pump(Exchange& x) {
  Lines messages(kMaxMessage), errors(kMaxErrorLine);
  for (;;) {
    std::array<gh_fd, 4> fds{{{process_->output.get(), POLLIN, 0},
                              {process_->errors.get(), POLLIN, 0},
                              {process_->ended.get(), POLLIN, 0},
                              {has_output() ? process_->input.get() : -1, POLLOUT, 0}}};
    if (auto ready = changed_.wait(x, fds, kUntilWoken); !ready) return ready.error();
    const bool ended = fds[2].ready;

    ssize_t count = read(process_->output, messages, &StdioTransport::take_line);
    for (int more = kLastReads; ended && more > 0 && count > 0; --more)
      count = read(process_->output, messages, &StdioTransport::take_line);
    if (fds[1].ready && read(process_->errors, errors, &StdioTransport::take_error) == 0)
      process_->errors = Fd();
    if (!write()) return unavailable("It has closed its standard input.");
    if (count == 0 || ended) return unavailable("Its process has ended.");
    const std::lock_guard lock(mutex_);
    if (dropped_) return Status();
  }
}

/// Reads what is available, once: the number of bytes, or 0 at the end.
ssize_t StdioTransport::read(const Fd& fd, Lines& lines,
                             void (StdioTransport::*take)(const Line& line)) {
  char bytes[kReadAtOnce];
  const ssize_t count = ::read(fd.get(), bytes, sizeof bytes);
  if (count > 0)
    lines.feed(View(bytes, static_cast<std::size_t>(count)),
               [&](const Line& line) { (this->*take)(line); });
  return count;
}

/// Writes as much as there is room for. False: the process has closed its input.
bool StdioTransport::write() {
  const std::lock_guard lock(mutex_);
  std::size_t written = 0;
  while (written < outbox_.size()) {
    const ssize_t count =
        ::write(process_->input.get(), outbox_.data() + written, outbox_.size() - written);
    if (count < 0 && errno != EAGAIN) return false;
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  outbox_.erase(0, written);
  return true;
}

void StdioTransport::take_line(const Line& line) {
  auto document = line.is_cut() ? Result<Document>(Status(GH_FAILED)) : parse_message(line.begin);
  if (!document || !(document->root().is_object() || document->root().is_array()))
    return drop_line(line);
  each_message(std::move(*document),
               [&](Document message) { take_message(std::move(message), line.bytes); });
}

void StdioTransport::take_message(Document message, std::size_t bytes) {
  const Json root = message.root();
  if (!root["method"].is_string()) {
    if (const auto id = id_of(root)) deliver(*id, Response{std::move(message), bytes});
    return;
  }
  const std::string reply = respond_(root);
  const auto progress = id_of_progress(root);
  const std::lock_guard lock(mutex_);
  // A server that sends requests without reading the responses gets none.
  if (!reply.empty() && outbox_.size() + reply.size() <= kMaxOutbox)
    outbox_.append(reply).append("\n");
  if (const auto found = progress ? waiting_.find(*progress) : waiting_.end();
      found != waiting_.end())
    found->second->heard = host_.now();
}

void StdioTransport::deliver(std::int64_t id, Result<Response> response) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(id);
  if (found == waiting_.end() || found->second->response) return;  // too late, or a duplicate
  found->second->response.emplace(std::move(response));
  found->second->waker.wake();
}

void StdioTransport::take_error(const Line& line) {
  if (line.begin.empty() || !error_lines_.take(host_.now())) return;
  const Document fields;
  fields.root().edit("server").set(View(name_));
  fields.root().edit("line").set(line.begin);
  host_.debug("MCP server wrote to stderr", fields.root());
}

/// If the line is a response, its request fails at once.
void StdioTransport::drop_line(const Line& line) {
  if (line.begin.empty()) return;
  if (const auto id = id_of_unreadable(line.begin, line.end))
    deliver(*id, unreadable(line.begin, line.bytes));
  if (!garbage_warning_.due(host_.now())) return;
  const Document fields;
  fields.root().edit("server").set(View(name_));
  fields.root().edit("bytes").set(static_cast<std::int64_t>(line.bytes));
  host_.warn("MCP server wrote non-protocol output to stdout", fields.root());
}

}  // namespace gatehouse::plugins::mcp
