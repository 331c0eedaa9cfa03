#include "core/log/log.h"

#include <spdlog/common.h>
#include <spdlog/details/periodic_worker.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <utility>

namespace gatehouse::core {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};
constexpr std::array<spdlog::level::level_enum, 4> kSpdlogLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                                    spdlog::level::err};

Level level_of(std::string_view name) {
  return static_cast<Level>(std::find(kLevelNames.begin(), kLevelNames.end(), name) - kLevelNames.begin());
}

/// How many bytes at the start of `text` are one character of UTF-8 beyond ASCII (RFC 3629); 0 if they are none.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0), second = byte(1);
  if (first >= 0xc2 && first < 0xe0) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const bool overlong = first == 0xe0 && second < 0xa0, surrogate = first == 0xed && second >= 0xa0;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool overlong = first == 0xf0 && second < 0x90, too_large = first == 0xf4 && second >= 0x90;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

enum class As { kString, kJson };  // text to be quoted, or JSON already

/// ASCII that is copied as it is.
bool is_plain(unsigned char c, As as) { return c >= 0x20 && c < 0x7f && (as == As::kJson || (c != '"' && c != '\\')); }

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
  static constexpr std::size_t kEnd = Log::kMaxLine - 20;  // room for what finish() appends, and a quotation mark

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
      piece = used == 1 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, used);  // U+FFFD for what is no UTF-8
      const unsigned char next = static_cast<unsigned char>(piece[1]);
      if (c == 0xc2 && next < 0xa0) piece = {escape, escape_control(escape, next)};  // U+0080 to U+009F: terminals obey them
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
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  if (const std::time_t second = ms / 1000; second != formatted) {
    std::tm utc;
    gmtime_r(&second, &utc);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    formatted = second;
  }
  const int rest = static_cast<int>(ms % 1000);
  const char fraction[] = {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                           static_cast<char>('0' + rest % 10), 'Z'};
  line.put({text, sizeof text - 1});
  line.put({fraction, sizeof fraction});
}

}  // namespace

/// Standard output or a file. spdlog's own file sink cannot go on in a new file, and its standard output flushes each line.
class Log::Output final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Output(std::string path) : path_(std::move(path)), file_(path_.empty() ? stdout : open()) {
    if (!file_) spdlog::throw_spdlog_ex("cannot open the log file " + path_, errno);
  }
  ~Output() override { close(); }

  bool is_terminal() const { return isatty(fileno(file_)) == 1; }

  /// False, and the old file stays, if the new one cannot be opened; errno says why.
  bool reopen() {
    std::FILE* fresh = path_.empty() ? stdout : open();
    if (!fresh) return false;
    const std::lock_guard lock(mutex_);
    close();
    file_ = fresh;
    return true;
  }

 private:
  std::FILE* open() const { return std::fopen(path_.c_str(), "ae"); }  // e: not inherited by child processes
  void close() {
    if (file_ == stdout) {
      std::fflush(file_);
    } else if (file_) {
      std::fclose(file_);
    }
  }
  void sink_it_(const spdlog::details::log_msg& record) override {
    if (std::fwrite(record.payload.data(), 1, record.payload.size(), file_) < record.payload.size()) {
      spdlog::throw_spdlog_ex("cannot write to the log", errno);  // spdlog says so on standard error, once a second
    }
  }
  void flush_() override { std::fflush(file_); }

  const std::string path_;
  std::FILE* file_;  // guarded by the mutex_ of base_sink
};

Log::Log(const LogSettings& settings)
    : level_(level_of(settings.level)),
      output_(std::make_shared<Output>(settings.file)),
      logger_(std::make_unique<spdlog::logger>("gatehouse", output_)) {
  logger_->set_level(spdlog::level::debug);  // enabled() decides
  logger_->flush_on(output_->is_terminal() ? spdlog::level::debug : spdlog::level::warn);
  flusher_ = std::make_unique<spdlog::details::periodic_worker>([this] { output_->flush(); }, std::chrono::seconds(1));
}

Log::~Log() = default;

void Log::write(Level level, std::string_view plugin, std::string_view request, std::string_view message, std::string_view fields) {
  if (!enabled(level)) return;
  const auto now = std::chrono::system_clock::now();
  const auto index = static_cast<std::size_t>(level);
  Line line;
  line.put("{\"time\":\"");
  put_time(line, now);
  line.put("\",\"level\":\"");
  line.put(kLevelNames[index]);
  line.put("\"");
  if (!plugin.empty()) line.put_string(",\"plugin\":\"", plugin, 256);
  if (!request.empty()) line.put_string(",\"request\":\"", request, 512);
  line.put_string(",\"message\":\"", message, kMaxLine / 2);  // a long message leaves the fields their half
  line.put_members(fields);
  logger_->log(now, {}, kSpdlogLevels[index], line.finish());
  if (plugin.empty()) logger_->flush();  // the gateway's own records are few, and somebody waits for them
}

void Log::reopen() {
  if (!output_->reopen()) write(Level::kError, {}, {}, std::string("the log file cannot be reopened: ") + std::strerror(errno));
}

}  // namespace gatehouse::core
