#pragma once

#include <cstddef>
#include <string_view>

namespace gatehouse::core {

/// The numbers are those of GH_DEBUG to GH_ERROR.
enum class Level { kDebug, kInfo, kWarn, kError };

/// "debug", "info", "warn" or "error".
Level level_of(std::string_view name);

/// One log record as a line of JSON, composed in a buffer on the stack. Whatever its parts contain,
/// the line is valid UTF-8 without control characters and no longer than kMaxSize.
class Record {
 public:
  /// Docker splits longer lines, journald those over 48 KiB.
  static constexpr std::size_t kMaxSize = 8 * 1024;

  /// `plugin` and `request` are left out if empty. The members of `fields`, the text of a JSON
  /// object or nothing, are appended; those that do not fit are left out, and the record then has
  /// `"truncated":true`.
  Record(Level level, std::string_view plugin, std::string_view request, std::string_view message,
         std::string_view fields);

  std::string_view text() const { return {text_, size_}; }

 private:
  enum class As { kString, kJson };  // text to be quoted, or JSON already

  void put_string(std::string_view name, std::string_view value, std::size_t end);
  void put_members(std::string_view object);
  void put_member(std::string_view member);
  bool put(std::string_view piece, std::size_t end);
  bool put_safe(std::string_view text, As as, std::size_t end);
  std::size_t put_special(std::string_view text, As as, std::size_t end);
  static std::size_t plain_length(std::string_view text, As as);

  std::size_t size_ = 0;
  bool truncated_ = false;
  char text_[kMaxSize];
};

}  // namespace gatehouse::core
