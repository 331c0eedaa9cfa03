#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/config/settings.h"

namespace spdlog {
class logger;
namespace details {
class periodic_worker;
}
}  // namespace spdlog

namespace gatehouse::core {

/// The numbers are those of GH_DEBUG to GH_ERROR.
enum class Level { kDebug, kInfo, kWarn, kError };

/// The gateway's log: one JSON object per line, on standard output or in a file.
///
///   {"time":"2025-01-01T00:00:00.000Z","level":"info","plugin":"cors","request":"4f1c","message":"...","status":200}
///
/// Whatever is written, a record is one line of valid UTF-8 without control characters. Any thread.
class Log {
 public:
  /// Longest line, its end included. Docker cuts longer ones in pieces, journald those of more than 48 KiB.
  static constexpr std::size_t kMaxLine = 8 * 1024;

  /// Throws a std::exception if the file cannot be opened.
  explicit Log(const LogSettings& settings);
  ~Log();

  bool enabled(Level level) const { return level >= level_; }
  /// `plugin` and `request` are left out if they are empty. The members of `fields`, the text of a JSON object or nothing,
  /// are appended; those that no longer fit are left out and `"truncated":true` says so.
  void write(Level level, std::string_view plugin, std::string_view request, std::string_view message, std::string_view fields = {});
  /// Goes on in a new file of the same name, after the old one has been renamed.
  void reopen();

 private:
  class Output;

  const Level level_;
  std::shared_ptr<Output> output_;
  std::unique_ptr<spdlog::logger> logger_;
  std::unique_ptr<spdlog::details::periodic_worker> flusher_;  // ends before what it flushes
};

}  // namespace gatehouse::core
