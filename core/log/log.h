#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>

#include "core/config/settings.h"

namespace spdlog {
class logger;
}

namespace gatehouse::core {

/// The numbers are those of GH_DEBUG to GH_ERROR.
enum class Level { kDebug, kInfo, kWarn, kError };

/// The gateway's log: one JSON object per line, on standard output or in a file.
///
///   {"time":"2025-01-01T00:00:00.000Z","level":"info","plugin":"cors","request":"4f1c","message":"...","status":200}
///
/// Whatever is written, a record is one line of valid UTF-8 without control characters. Any thread.
/// No call but flush() and reopen() waits for the reader or the disk: records that find no room in
/// memory are dropped, and a record tells how many.
class Log {
 public:
  /// Longest line, its end included. Docker cuts longer ones in pieces, journald those of more than
  /// 48 KiB.
  static constexpr std::size_t kMaxLine = 8 * 1024;

  /// Throws a std::exception if the file cannot be opened.
  explicit Log(const LogSettings& settings);
  /// Writes what is left, within a second or not at all.
  ~Log();

  /// From now on at another level and, after what was written so far, in another place. As long as
  /// flush(). Throws as above, and then has changed nothing.
  void use(const LogSettings& settings);
  bool enabled(Level level) const { return level >= level_; }
  /// `plugin` and `request` are left out if they are empty. The members of `fields`, the text of a
  /// JSON object or nothing, are appended; those that no longer fit are left out and
  /// `"truncated":true` says so.
  void write(Level level, std::string_view plugin, std::string_view request,
             std::string_view message, std::string_view fields = {});
  /// Returns when all records so far are written; when that takes longer, after a second.
  void flush();
  /// Goes on in a new file of the same name, after the old one has been renamed. As long as
  /// flush().
  void reopen();
  /// Records that were dropped, since the start.
  std::uint64_t dropped() const;

 private:
  class Output;

  std::atomic<Level> level_;
  const std::shared_ptr<Output> output_;  // its thread may outlive the log
  const std::unique_ptr<spdlog::logger> own_, plugins_;
  std::thread writer_;
};

}  // namespace gatehouse::core
