#include "core/log/log.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "core/log/reminder.h"

namespace gatehouse::core {
namespace {

constexpr std::string_view kOwn = "gatehouse", kPlugins = "plugins";  // the two loggers
constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};

// Records that wait for a full pipe or disk: 16,000 of an access log. As many again may be on their
// way out.
constexpr std::size_t kMaxPending = 4 * 1024 * 1024;
constexpr auto kGather =
    std::chrono::milliseconds(100);  // how long records wait for others, to be written with them
constexpr auto kRetry = std::chrono::seconds(1);     // after a write that failed
constexpr auto kRepeat = std::chrono::minutes(1);    // between two notes about the same trouble
constexpr auto kPatience = std::chrono::seconds(1);  // of whoever waits until records are written

Level level_of(std::string_view name) {
  return static_cast<Level>(std::find(kLevelNames.begin(), kLevelNames.end(), name) -
                            kLevelNames.begin());
}

/// How many bytes at the start of `text` are one character of UTF-8 beyond ASCII (RFC 3629); 0 if
/// they are none.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0), second = byte(1);
  if (first >= 0xc2 && first < 0xe0) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const bool overlong = first == 0xe0 && second < 0xa0,
               surrogate = first == 0xed && second >= 0xa0;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool overlong = first == 0xf0 && second < 0x90,
               too_large = first == 0xf4 && second >= 0x90;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

enum class As { kString, kJson };  // text to be quoted, or JSON already

/// ASCII that is copied as it is.
bool is_plain(unsigned char c, As as) {
  return c >= 0x20 && c < 0x7f && (as == As::kJson || (c != '"' && c != '\\'));
}

/// A record while it is written.
class Line {
 public:
  void put(std::string_view ascii) { put(ascii, kEnd); }

  /// A member whose value is a string, cut so that the line has no more than `end` bytes after it.
  void put_string(std::string_view before, std::string_view value, std::size_t end) {
    put(before);
    truncated_ = !put_safe(value, As::kString, end) || truncated_;
    put("\"");
  }

  /// The members of the text of an object, each one whole or not at all.
  void put_members(std::string_view object) {
    if (object.size() < 2 || object.front() != '{' || object.back() != '}') return;
    const std::string_view members = object.substr(1, object.size() - 2);
    std::size_t begin = 0;
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i <= members.size(); ++i) {
      const char c = i < members.size() ? members[i] : ',';
      if (in_string) {
        if (c == '\\') ++i;
        if (c == '"') in_string = false;
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        --depth;
      } else if (c == ',' && depth == 0) {
        put_member(members.substr(begin, i - begin));
        begin = i + 1;
      }
    }
  }

  std::string_view finish() {
    constexpr std::string_view kCut = ",\"truncated\":true", kClose = "}\n";
    if (truncated_) put(kCut, Log::kMaxLine);
    put(kClose, Log::kMaxLine);
    return {text_, size_};
  }

 private:
  static constexpr std::size_t kEnd =
      Log::kMaxLine - 20;  // room for what finish() appends, and a quotation mark

  bool put(std::string_view piece, std::size_t end) {
    if (size_ + piece.size() > end) return false;
    std::memcpy(text_ + size_, piece.data(), piece.size());
    size_ += piece.size();
    return true;
  }

  void put_member(std::string_view member) {
    if (member.empty()) return;
    const std::size_t before = size_;
    if (put(",", kEnd) && put_safe(member, As::kJson, kEnd)) return;
    size_ = before;
    truncated_ = true;
  }

  /// False if not all of it has room.
  bool put_safe(std::string_view text, As as, std::size_t end) {
    while (!text.empty()) {
      std::size_t plain = 0;
      while (plain < text.size() && is_plain(static_cast<unsigned char>(text[plain]), as)) ++plain;
      const std::size_t room = end > size_ ? end - size_ : 0;
      put(text.substr(0, std::min(plain, room)), end);
      if (plain > room) return false;
      text.remove_prefix(plain);
      if (text.empty()) break;
      const std::size_t used = put_character(text, as, end);
      if (used == 0) return false;
      text.remove_prefix(used);
    }
    return true;
  }

  /// The first character of `text`, which is not plain. Its size; 0 if it has no room.
  std::size_t put_character(std::string_view text, As as, std::size_t end) {
    char escape[8];
    std::string_view piece;
    std::size_t used = 1;
    const unsigned char c = static_cast<unsigned char>(text[0]);
    if (c >= 0x80) {
      used = std::max<std::size_t>(character(text), 1);
      piece = used == 1 ? std::string_view("\xEF\xBF\xBD")
                        : text.substr(0, used);  // U+FFFD for what is no UTF-8
      const unsigned char next = static_cast<unsigned char>(piece[1]);
      if (c == 0xc2 && next < 0xa0)
        piece = {escape, escape_control(escape, next)};  // U+0080 to U+009F: terminals obey them
    } else if (as == As::kJson && c < 0x20) {
      return used;  // white space between its tokens
    } else if (c == '"' || c == '\\') {
      piece = c == '"' ? "\\\"" : "\\\\";
    } else if (c == '\n') {
      piece = "\\n";
    } else {
      piece = {escape, escape_control(escape, c)};
    }
    return put(piece, end) ? used : 0;
  }

  static std::size_t escape_control(char* out, unsigned char c) {
    static constexpr char kHex[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
    std::memcpy(out, escape, sizeof escape);
    return sizeof escape;
  }

  std::size_t size_ = 0;
  bool truncated_ = false;
  char text_[Log::kMaxLine];
};

/// `2025-01-01T00:00:00.000Z`.
void put_time(Line& line, std::chrono::system_clock::time_point now) {
  thread_local std::time_t formatted = -1;
  thread_local char text[] = "2025-01-01T00:00:00";
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  if (const std::time_t second = ms / 1000; second != formatted) {
    std::tm utc;
    gmtime_r(&second, &utc);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    formatted = second;
  }
  const int rest = static_cast<int>(ms % 1000);
  const char fraction[] = {'.', static_cast<char>('0' + rest / 100),
                           static_cast<char>('0' + rest / 10 % 10),
                           static_cast<char>('0' + rest % 10), 'Z'};
  line.put({text, sizeof text - 1});
  line.put({fraction, sizeof fraction});
}

/// A whole record, in `line`.
std::string_view compose(Line& line, Level level, std::string_view plugin, std::string_view request,
                         std::string_view message, std::string_view fields) {
  line.put("{\"time\":\"");
  put_time(line, std::chrono::system_clock::now());
  line.put("\",\"level\":\"");
  line.put(kLevelNames[static_cast<std::size_t>(level)]);
  line.put("\"");
  if (!plugin.empty()) line.put_string(",\"plugin\":\"", plugin, 256);
  if (!request.empty()) line.put_string(",\"request\":\"", request, 512);
  line.put_string(",\"message\":\"", message,
                  Log::kMaxLine / 2);  // a long message leaves the fields their half
  line.put_members(fields);
  return line.finish();
}

}  // namespace

/// Standard output or a file, and the records that wait for it. One thread, in run(), does all
/// writing: it alone waits for a reader that does not read or a disk that is full.
class Log::Output final : public spdlog::sinks::sink {
 public:
  explicit Output(std::string path) : path_(std::move(path)), file_(open(path_)) {
    pending_.reserve(kMaxPending);
  }
  ~Output() override {
    ::close(file_);
    if (fresh_file_ >= 0) ::close(fresh_file_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void log(const spdlog::details::log_msg& record) override {
    // The gateway's own records and warnings are few, and somebody waits for them.
    put({record.payload.data(), record.payload.size()},
        record.level >= spdlog::level::warn ||
            record.logger_name == spdlog::string_view_t(kOwn.data(), kOwn.size()));
  }
  void flush() override {
    std::unique_lock lock(mutex_);
    at_once_ = true;
    wake_.notify_one();
    written_.wait_for(lock, kPatience,
                      [this, until = put_bytes_] { return written_bytes_ >= until; });
  }
  void set_pattern(const std::string&) override {
  }  // spdlog's patterns do not escape: records come composed
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  /// `at_once`: not gathered with what comes after it.
  void put(std::string_view line, bool at_once) {
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

  /// Goes on in `path`, or in a new file of the same name. Throws std::system_error if it cannot be
  /// opened. Control thread.
  void move_to(const std::string& path) {
    flush();  // the old file keeps what was before
    const int fresh = open(path);
    const std::lock_guard lock(mutex_);
    if (fresh_file_ >= 0) ::close(fresh_file_);
    fresh_file_ = fresh;
    path_ = path;
  }
  /// Control thread.
  const std::string& path() const { return path_; }

  std::uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

  /// Until end(), and all is written.
  void run() {
    std::string batch;
    batch.reserve(kMaxPending);
    Reminder drops;
    std::uint64_t told = 0;
    std::unique_lock lock(mutex_);
    do {
      wake_.wait(lock, [this] { return ended_ || !pending_.empty(); });
      wake_.wait_for(lock, kGather, [this] { return ended_ || at_once_; });
      batch.clear();
      batch.swap(pending_);
      at_once_ = false;
      const std::uint64_t bytes = batch.size();
      if (dropped_ > told && (drops.due() || ended_)) {  // they came after this batch
        Line line;
        batch += compose(line, Level::kWarn, {}, {}, "log records were dropped",
                         "{\"dropped\":" + std::to_string(dropped_ - told) + "}");
        told = dropped_;
      }
      if (!write_out(batch, lock)) break;
      written_bytes_ += bytes;
      written_.notify_all();
    } while (!batch.empty());
    finished_ = true;
    written_.notify_all();
  }

  /// False: run() does not return in time.
  bool end() {
    std::unique_lock lock(mutex_);
    ended_ = true;
    wake_.notify_one();
    return written_.wait_for(lock, kPatience, [this] { return finished_; });
  }

 private:
  /// A descriptor that child processes do not inherit.
  static int open(const std::string& path) {
    const int fd = path.empty()
                       ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                       : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0) return fd;
    throw std::system_error(errno, std::generic_category(),
                            path.empty()
                                ? "cannot log to standard output (if it is closed, set log.file)"
                                : "cannot open the log file " + path);
  }

  /// However long it takes. False: the end has come, and a last attempt failed. Holds no lock while
  /// it writes.
  bool write_out(std::string_view batch, std::unique_lock<std::mutex>& lock) {
    for (std::size_t done = 0; done < batch.size();) {
      if (fresh_file_ >= 0) {
        ::close(std::exchange(file_, std::exchange(fresh_file_, -1)));
        while (done > 0 && batch[done - 1] != '\n')
          --done;  // the new file has a record whole that did not fit into the old one
      }
      const bool last = ended_;
      lock.unlock();
      const ssize_t size = ::write(file_, batch.data() + done, batch.size() - done);
      const int error = size < 0 ? errno : 0;
      if (error ==
          EAGAIN) {  // whoever shares standard output with the gateway has made it non-blocking
        pollfd writable{file_, POLLOUT, 0};
        ::poll(&writable, 1, -1);
      }
      const bool failed = error != 0 && error != EAGAIN && error != EINTR;
      if (failed && failures_.due()) {
        ::dprintf(STDERR_FILENO, "gatehouse: cannot write to the log: %s\n",
                  std::generic_category().message(error).c_str());
      }
      lock.lock();
      if (size > 0) done += static_cast<std::size_t>(size);
      if (failed && last) return false;
      if (failed) wake_.wait_for(lock, kRetry, [this] { return ended_; });
    }
    return true;
  }

  std::string path_;   // empty: standard output; of the control thread
  int file_;           // of run()
  Reminder failures_;  // of run()

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_, written_;
  std::string pending_;
  bool at_once_ = false, ended_ = false, finished_ = false;
  int fresh_file_ = -1;  // to go on in
  std::uint64_t put_bytes_ = 0, written_bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

Log::Log(const LogSettings& settings)
    : level_(level_of(settings.level)),
      output_(std::make_shared<Output>(settings.file)),
      own_(std::make_unique<spdlog::logger>(std::string(kOwn), output_)),
      plugins_(std::make_unique<spdlog::logger>(std::string(kPlugins), output_)),
      writer_([output = output_] { output->run(); }) {
  own_->set_level(spdlog::level::debug);  // enabled() decides
  plugins_->set_level(spdlog::level::debug);
}

Log::~Log() {
  if (output_->end()) {
    writer_.join();
  } else {
    writer_.detach();  // its write may never return
  }
}

void Log::write(Level level, std::string_view plugin, std::string_view request,
                std::string_view message, std::string_view fields) {
  if (!enabled(level)) return;
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  Line line;
  const std::string_view text = compose(line, level, plugin, request, message, fields);
  (plugin.empty() ? own_ : plugins_)
      ->log(kLevels[static_cast<std::size_t>(level)],
            spdlog::string_view_t(text.data(), text.size()));
}

void Log::flush() { own_->flush(); }

void Log::use(const LogSettings& settings) {
  if (settings.file != output_->path()) output_->move_to(settings.file);
  level_ = level_of(settings.level);
}

void Log::reopen() {
  if (output_->path().empty()) return;
  try {
    output_->move_to(output_->path());
  } catch (const std::system_error& e) {
    write(Level::kError, {}, {}, "the log file cannot be reopened: " + e.code().message());
  }
}

std::uint64_t Log::dropped() const { return output_->dropped(); }

}  // namespace gatehouse::core
