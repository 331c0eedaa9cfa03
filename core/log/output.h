#pragma once

#include <spdlog/sinks/sink.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/log/reminder.h"

namespace gatehouse::core {

/// Standard output or a file, and the records that wait to be written there. Any thread, except
/// where noted.
class Output final : public spdlog::sinks::sink {
 public:
  /// Name of the logger whose records are written without delay, as warnings are.
  static constexpr const char* kPromptLogger = "gatehouse";

  static constexpr std::size_t kMaxRecent = 1024 * 1024;

  /// `path` empty: standard output. Throws std::system_error if it cannot be opened.
  explicit Output(std::string path);
  ~Output() override;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void log(const spdlog::details::log_msg& record) override;
  /// Returns when all records so far have been written, after a second at the latest.
  void flush() override;
  // Patterns do not escape: records come composed.
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  /// Continues in `path`, or in a new file of the same name. Throws std::system_error if it cannot
  /// be opened. Control thread.
  void move_to(const std::string& path);
  /// Control thread.
  const std::string& path() const { return path_; }
  /// The last records, up to kMaxRecent bytes, without those that do not contain `part`.
  std::string recent(std::string_view part) const;
  /// Records that were dropped because the output was too slow.
  std::uint64_t dropped() const;

  /// The writing thread: returns after end(), when all records have been written.
  void run();
  /// Returns false if run() does not return within a second.
  bool end();

 private:
  void put(std::string_view line, bool at_once);
  void take_pending(std::string& batch);
  void remember(std::string_view batch);
  bool write_out(std::string_view batch, std::unique_lock<std::mutex>& lock);
  std::size_t switch_file(std::string_view batch, std::size_t done);
  std::optional<std::size_t> write_some(std::string_view bytes);

  std::string path_;   // of the control thread; empty: standard output
  int file_;           // of run()
  Reminder failures_;  // of run()

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_, written_;
  std::string pending_;
  bool at_once_ = false, ended_ = false, finished_ = false;
  int fresh_file_ = -1;  // run() continues there
  std::uint64_t put_bytes_ = 0, written_bytes_ = 0;
  std::uint64_t dropped_ = 0, reported_ = 0;
  Reminder drops_;
  std::string older_lines_, new_lines_;  // at most half of kMaxRecent each
};

}  // namespace gatehouse::core
