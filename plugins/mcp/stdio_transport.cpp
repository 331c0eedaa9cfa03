#include "stdio_transport.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

constexpr auto kUntilWoken = 1h;                       // of any length: whoever waits looks again
constexpr std::size_t kMaxOutbox = 16u << 20;          // a server that reads so little has stopped reading
constexpr std::size_t kReadAtOnce = 64 * 1024;         // what a pipe holds: pipe(7)
constexpr int kLastReads = kMaxMessage / kReadAtOnce;  // from a process that has ended: another may go on writing
constexpr std::size_t kMaxErrorLine = 1000;
constexpr int kGarbageAMinute = 1, kErrorsAMinute = 100;

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
  return taken_++ < a_minute_;
}

StdioTransport::StdioTransport(Host host, Json config, const std::string& pointer, Answer answer)
    : host_(host),
      name_(config["name"].str()),
      command_(texts(config["command"])),
      variables_(map_of(config["env"])),
      connect_timeout_(config["connect_timeout"].duration(10s)),
      answer_(std::move(answer)),
      garbage_(kGarbageAMinute),
      errors_(kErrorsAMinute),
      changed_(host) {
  if (!changed_) host.problem(pointer, "no descriptor is left for it");
}

Status StdioTransport::keep(Exchange& x, Open& open) {
  auto process = Process::start(command_, variables_);
  if (!process) return process.error();
  process_.emplace(std::move(*process));
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
    dropped_ = false;
    outbox_.clear();
  }
  Task opening(host_, x, host_.now() + connect_timeout_, open);
  Status status = opening ? pump(x) : unavailable("There is no thread to connect it.");
  end_waits();
  (void)opening.join(x);
  return status;
}

void StdioTransport::close(Exchange&) {
  if (process_) process_->end();
  process_.reset();
}

Result<Response> StdioTransport::request(Exchange& x, std::int64_t id, View message) {
  Waiting mine{Waker(host_), std::nullopt};
  if (!mine.waker) return unavailable("There is no descriptor to wait for the tool server.");
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(id, &mine);
  }
  Result<Response> result = Status();
  if (Status sent = send(x, message); !sent) {
    result = std::move(sent);
  } else {
    result = wait(x, mine);
  }
  const std::lock_guard lock(mutex_);
  waiting_.erase(id);
  return result;
}

Result<Response> StdioTransport::wait(Exchange& x, Waiting& mine) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (mine.response) return std::move(*mine.response);
      if (!running_) return unavailable("The tool server ended before it answered.");
    }
    if (auto woken = mine.waker.wait(x, kUntilWoken); !woken) return woken.error();
  }
}

Status StdioTransport::send(Exchange&, View message) {
  const std::lock_guard lock(mutex_);
  if (!running_) return unavailable("The tool server has ended.");
  if (outbox_.size() + message.size() > kMaxOutbox) return unavailable("The tool server does not read what it is sent.");
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

/// Moves bytes between the pipes and those who send and wait, until the process or `x` ends.
Status StdioTransport::pump(Exchange& x) {
  Lines messages(kMaxMessage), errors(kMaxErrorLine);
  for (;;) {
    std::array<gh_fd, 4> fds{{{process_->output.get(), POLLIN, 0},
                              {process_->errors.get(), POLLIN, 0},
                              {process_->ended.get(), POLLIN, 0},
                              {has_output() ? process_->input.get() : -1, POLLOUT, 0}}};
    if (auto ready = changed_.wait(x, fds, kUntilWoken); !ready) return ready.error();
    const bool ended = fds[2].ready;

    ssize_t count = read(process_->output, messages, &StdioTransport::take_message);
    for (int more = kLastReads; ended && more > 0 && count > 0; --more)
      count = read(process_->output, messages, &StdioTransport::take_message);
    if (fds[1].ready && read(process_->errors, errors, &StdioTransport::take_error) == 0) process_->errors = Fd();
    if (!write()) return unavailable("It has closed its standard input.");
    if (count == 0 || ended) return unavailable("Its process has ended.");
    const std::lock_guard lock(mutex_);
    if (dropped_) return Status();
  }
}

/// What there is, once: so many bytes, or 0 at the end.
ssize_t StdioTransport::read(const Fd& fd, Lines& lines, void (StdioTransport::*take)(View line)) {
  char bytes[kReadAtOnce];
  const ssize_t count = ::read(fd.get(), bytes, sizeof bytes);
  if (count > 0) lines.feed(View(bytes, static_cast<std::size_t>(count)), [&](View line) { (this->*take)(line); });
  return count;
}

/// As much as there is room for. False: nobody will read it.
bool StdioTransport::write() {
  const std::lock_guard lock(mutex_);
  std::size_t written = 0;
  while (written < outbox_.size()) {
    const ssize_t count = ::write(process_->input.get(), outbox_.data() + written, outbox_.size() - written);
    if (count < 0 && errno != EAGAIN) return false;
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  outbox_.erase(0, written);
  return true;
}

void StdioTransport::take_message(View line) {
  auto document = Document::parse(line);
  if (!document || !document->root().is_object()) return tell_garbage(line);
  const Json message = document->root();
  if (message["method"].is_string()) {
    const std::string answer = answer_(message);
    const std::lock_guard lock(mutex_);
    // A server that asks more than it reads gets no answers.
    if (!answer.empty() && outbox_.size() + answer.size() <= kMaxOutbox) outbox_.append(answer).append("\n");
    return;
  }
  const std::lock_guard lock(mutex_);
  const auto found = message["id"].is_integer() ? waiting_.find(message["id"].integer()) : waiting_.end();
  if (found == waiting_.end() || found->second->response) return;  // too late, or not the first
  found->second->response = Response{std::move(*document), line.size()};
  found->second->waker.wake();
}

void StdioTransport::take_error(View line) {
  if (line.empty() || !errors_.take(host_.now())) return;
  Document fields;
  fields.root().edit("server").set(View(name_));
  fields.root().edit("line").set(line);
  host_.debug("a tool server says on its standard error", fields.root());
}

void StdioTransport::tell_garbage(View line) {
  if (line.empty() || !garbage_.take(host_.now())) return;
  Document fields;
  fields.root().edit("server").set(View(name_));
  fields.root().edit("bytes").set(static_cast<std::int64_t>(line.size()));
  host_.warn("a tool server writes other things than messages on its standard output", fields.root());
}

}  // namespace gatehouse
