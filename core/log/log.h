#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/config/settings.h"
#include "core/log/record.h"

namespace spdlog {
class logger;
}

namespace gatehouse::core {

class Output;

/// The gateway's log: one JSON object per line, on standard output or in a file.
///
///   {"time":"2025-01-01T00:00:00.000Z","level":"info","plugin":"guard","request":"4f1c",
///    "message":"...","status":200}
///
/// Any thread. No call but flush(), use() and reopen() waits for the reader or the disk: records
/// that find no room in memory are dropped, and a later record reports how many.
class Log {
 public:
  /// A member of a record of the gateway itself: `{"reason", why}`, `{"running", 3}`.
  struct Field {
    Field(std::string_view name, std::string_view text);
    Field(std::string_view name, std::integral auto number)
        : json('"' + std::string(name) + "\":" + std::to_string(number)) {}

    std::string json;  // `"name":value`
  };
  using Fields = std::vector<Field>;
  /// The text of an object with these members, or nothing if there are none.
  static std::string text_of(const Fields& fields);

  /// Throws a std::exception if the file cannot be opened.
  explicit Log(const LogSettings& settings);
  /// Writes what is pending, within a second or not at all.
  ~Log();

  /// Changes the level and, behind all records so far, the file. Takes as long as flush(). Throws
  /// as the constructor, and then has changed nothing.
  void use(const LogSettings& settings);
  bool enabled(Level level) const { return level >= level_; }
  /// Until the next use().
  void set_level(std::string_view level) { level_ = level_of(level); }
  std::string_view level() const;

  // Records of the gateway itself.
  void info(std::string_view message, const Fields& fields = {});
  void warn(std::string_view message, const Fields& fields = {});
  void error(std::string_view message, const Fields& fields = {});
  /// Any record, see Record.
  void write(Level level, std::string_view plugin, std::string_view request,
             std::string_view message, std::string_view fields = {});

  /// Returns when all records so far have been written, after a second at the latest.
  void flush();
  /// Continues in a new file of the same name, after the old one has been renamed. Takes as long as
  /// flush().
  void reopen();
  /// The last records that were given to the output, up to 1 MiB: of one request, or all if
  /// `request` is empty.
  std::string recent(std::string_view request) const;
  /// Records that were dropped, since the start.
  std::uint64_t dropped() const;

 private:
  void write(Level level, std::string_view message, const Fields& fields);

  std::atomic<Level> level_;
  const std::shared_ptr<Output> output_;  // its thread may outlive the log
  const std::unique_ptr<spdlog::logger> own_, plugins_;
  std::thread writer_;
};

}  // namespace gatehouse::core
