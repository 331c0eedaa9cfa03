#include "core/log/output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <utility>

#include "core/log/record.h"

// The mechanism: callers append their records to `pending_`, a buffer in memory, under a mutex that
// is not held while writing. One thread, in run(), swaps the buffer out and writes it; it alone
// waits for a reader that does not read or a disk that is full. Meanwhile callers fill the buffer
// anew, and what finds no room there is dropped and counted. To save system calls the thread waits
// kGather for further records, unless one is urgent. After a write that failed it retries the same
// bytes; a file that was renamed is replaced between two writes. What was taken out is also kept
// for recent(), up to a fixed size.

namespace gatehouse::core {
namespace {

// 16,000 records of an access log. As many again may be on their way out.
constexpr std::size_t kMaxPending = 4 * 1024 * 1024;
constexpr auto kGather = std::chrono::milliseconds(100);
constexpr auto kRetry = std::chrono::seconds(1);
constexpr auto kPatience = std::chrono::seconds(1);  // of flush() and end()

/// A descriptor that child processes do not inherit.
int open_output(const std::string& path) {
  const int fd = path.empty()
                     ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                     : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd >= 0) return fd;
  throw std::system_error(errno, std::generic_category(),
                          path.empty()
                              ? "cannot log to standard output (if it is closed, set log.file)"
                              : "cannot open the log file " + path);
}

/// The end of it, which has whole lines and at most so many bytes.
std::string_view end_of(std::string_view lines, std::size_t most) {
  if (lines.size() > most) lines.remove_prefix(lines.find('\n', lines.size() - most) + 1);
  return lines;
}

}  // namespace

Output::Output(std::string path) : path_(std::move(path)), file_(open_output(path_)) {
  pending_.reserve(kMaxPending);
}

Output::~Output() {
  ::close(file_);
  if (fresh_file_ >= 0) ::close(fresh_file_);
}

void Output::log(const spdlog::details::log_msg& record) {
  const bool at_once = record.level >= spdlog::level::warn || record.logger_name == kPromptLogger;
  put({record.payload.data(), record.payload.size()}, at_once);
}

void Output::flush() {
  std::unique_lock lock(mutex_);
  at_once_ = true;
  wake_.notify_one();
  written_.wait_for(lock, kPatience,
                    [this, until = put_bytes_] { return written_bytes_ >= until; });
}

/// `at_once`: does not wait for further records.
void Output::put(std::string_view line, bool at_once) {
  std::unique_lock lock(mutex_);
  if (pending_.size() + line.size() > kMaxPending) {
    ++dropped_;
    return;
  }
  const bool hurry = !at_once_ && (at_once || pending_.size() > kMaxPending / 4);
  const bool wake = hurry || pending_.empty();
  at_once_ = at_once_ || hurry;
  pending_ += line;
  put_bytes_ += line.size();
  lock.unlock();
  if (wake) wake_.notify_one();  // not for each record: that would be a system call
}

void Output::move_to(const std::string& path) {
  flush();  // earlier records belong in the old file
  const int fresh = open_output(path);
  const std::lock_guard lock(mutex_);
  if (fresh_file_ >= 0) ::close(fresh_file_);
  fresh_file_ = fresh;
  path_ = path;
}

std::uint64_t Output::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void Output::run() {
  std::string batch;
  batch.reserve(kMaxPending);
  std::unique_lock lock(mutex_);
  do {
    wake_.wait(lock, [this] { return ended_ || !pending_.empty(); });
    wake_.wait_for(lock, kGather, [this] { return ended_ || at_once_; });
    take_pending(batch);
    remember(batch);
    if (!write_out(batch, lock)) break;
    written_bytes_ += batch.size();
    written_.notify_all();
  } while (!batch.empty());
  finished_ = true;
  written_.notify_all();
}

/// Moves all pending records into `batch`, and behind them a note about those dropped since the
/// last note, at most one a minute. With mutex_ held.
void Output::take_pending(std::string& batch) {
  batch.clear();
  batch.swap(pending_);
  at_once_ = false;
  if (dropped_ == reported_ || (!drops_.due() && !ended_)) return;
  const std::string fields = "{\"dropped\":" + std::to_string(dropped_ - reported_) + "}";
  const Record note(Level::kWarn, {}, {}, "log records were dropped", fields);
  batch += note.text();
  put_bytes_ += note.text().size();
  reported_ = dropped_;
}

/// Keeps the end of `batch`, for recent(). With mutex_ held, so that recent() finds each record.
void Output::remember(std::string_view batch) {
  constexpr std::size_t kHalf = kMaxRecent / 2;
  batch = end_of(batch, kHalf);
  if (new_lines_.size() + batch.size() > kHalf) older_lines_ = std::exchange(new_lines_, {});
  new_lines_ += batch;
}

std::string Output::recent(std::string_view part) const {
  std::unique_lock lock(mutex_);
  const std::string all = older_lines_ + new_lines_ + pending_;
  lock.unlock();
  std::string out;
  for (std::string_view lines = end_of(all, kMaxRecent); !lines.empty();) {
    const std::string_view line = lines.substr(0, lines.find('\n') + 1);
    if (line.find(part) != line.npos) out += line;
    lines.remove_prefix(line.size());
  }
  return out;
}

bool Output::end() {
  std::unique_lock lock(mutex_);
  ended_ = true;
  wake_.notify_one();
  return written_.wait_for(lock, kPatience, [this] { return finished_; });
}

/// Writes all of `batch`, however long that takes. Returns false if a write fails after end(). With
/// mutex_ held, but not while it writes.
bool Output::write_out(std::string_view batch, std::unique_lock<std::mutex>& lock) {
  for (std::size_t done = 0; done < batch.size();) {
    if (fresh_file_ >= 0) done = switch_file(batch, done);
    const bool is_last_attempt = ended_;
    lock.unlock();
    const auto size = write_some(batch.substr(done));
    lock.lock();
    done += size.value_or(0);
    if (size) continue;
    if (is_last_attempt) return false;
    wake_.wait_for(lock, kRetry, [this] { return ended_; });
  }
  return true;
}

/// Replaces the file when `done` bytes of the batch have been written. Returns where to continue:
/// at the beginning of a record, so that one the old file has a part of is whole in the new one.
std::size_t Output::switch_file(std::string_view batch, std::size_t done) {
  ::close(std::exchange(file_, std::exchange(fresh_file_, -1)));
  const std::size_t newline = batch.substr(0, done).rfind('\n');
  return newline == batch.npos ? 0 : newline + 1;
}

/// Returns how many bytes were written; nullopt: the write failed.
std::optional<std::size_t> Output::write_some(std::string_view bytes) {
  const ssize_t size = ::write(file_, bytes.data(), bytes.size());
  if (size >= 0) return static_cast<std::size_t>(size);
  const int error = errno;
  if (error == EINTR) return 0;
  if (error == EAGAIN) {  // another process that shares standard output made it non-blocking
    pollfd writable{file_, POLLOUT, 0};
    ::poll(&writable, 1, -1);
    return 0;
  }
  if (failures_.due()) {
    ::dprintf(STDERR_FILENO, "gatehouse: cannot write to the log: %s\n",
              std::generic_category().message(error).c_str());
  }
  return std::nullopt;
}

}  // namespace gatehouse::core
