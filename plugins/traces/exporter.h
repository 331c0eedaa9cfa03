#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/every.hpp"
#include "queue.h"

namespace gatehouse::plugins::traces {

/// Sends finished spans to the collector, in the background.
class Exporter {
 public:
  /// `config`: that of the plugin.
  Exporter(Host host, Json config);

  /// Never waits. Any thread.
  void add(std::string span);
  /// For a background task.
  void run(Exchange& x);

 private:
  enum class Result { kAccepted, kRejected, kRetry, kCancelled };
  struct Reply {
    Result result;
    std::chrono::nanoseconds retry_after{0};
  };

  void deliver(Exchange& x, const std::vector<std::string>& spans);
  Reply post(Exchange& x, const std::string& body, std::size_t spans);
  Reply judge(HttpResponse& response, std::size_t spans);
  void count_accepted(HttpResponse& response, std::size_t spans);
  void warn(const std::string& message);
  /// The instance ends: requests may still take a moment.
  void begin_to_end(Exchange& x);

  const Host host_;
  const std::vector<std::pair<std::string, std::string>> headers_;
  const std::string head_;  // of each body, before the spans
  const Http http_;
  const Waker waker_;
  const Series exported_, rejected_, dropped_;
  Queue queue_;
  // Of the thread of run().
  Every warnings_;
  bool ends_ = false;
};

}  // namespace gatehouse::plugins::traces
