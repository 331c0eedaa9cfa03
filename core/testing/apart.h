#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace gatehouse::core {

/// What the child process of run_apart() reports to its parent. One line for each call.
class Report {
 public:
  explicit Report(int fd) : fd_(fd) {}

  /// Another part of the work begins, such as "create".
  void begin(const std::string& phase) { write('P', phase); }
  void add(const std::string& line) { write('L', line); }

 private:
  void write(char kind, const std::string& line);

  const int fd_;
};

/// What came of run_apart().
struct Apart {
  struct Phase {
    std::string name;
    std::chrono::milliseconds took{0};
  };
  std::vector<Phase> phases;  // a fault happened in the last one
  std::vector<std::string> lines;
  std::string fault;  // "died of signal 11 (Segmentation fault)"; empty: none
};

/// Runs `work`, which runs code of a plugin, in a child process, since that may crash or hang. It
/// is killed when one of its phases takes longer than `limit`. What it writes to standard output
/// goes to standard error. Throws std::system_error if there can be no such process.
Apart run_apart(const std::function<void(Report&)>& work, std::chrono::milliseconds limit);

}  // namespace gatehouse::core
