#pragma once

#include <mutex>
#include <unordered_map>

#include "gatehouse/toolkit/every.hpp"
#include "lines.h"
#include "process.h"
#include "transport.h"

namespace gatehouse::plugins::mcp {

/// A rate limit for the log lines that a server can cause.
class Ration {
 public:
  explicit Ration(int per_minute) : per_minute_(per_minute) {}
  bool take(std::chrono::nanoseconds now);

 private:
  const int per_minute_;
  int taken_ = 0;
  std::chrono::nanoseconds began_{0};
};

/// A server that is a child process; messages are lines of its standard input and output.
class StdioTransport final : public Transport {
 public:
  StdioTransport(Host host, Json config, const std::string& pointer, Respond respond);

  Status keep(Exchange& x, std::chrono::nanoseconds time, Opening& opening) override;
  void close(Exchange& x) override;
  Result<Response> request(Exchange& x, const RpcRequest& request) override;
  Status send(Exchange& x, View message) override;
  void drop() override;

 private:
  /// A request that waits for its response. Guarded by mutex_.
  struct Waiting {
    Waker waker;
    std::chrono::nanoseconds heard;  // when it was sent, or its progress was reported last
    std::optional<Result<Response>> response = {};
  };

  Result<Response> wait(Exchange& x, Waiting& mine, std::chrono::nanoseconds silence);
  Status pump(Exchange& x);
  bool has_output();
  ssize_t read(const Fd& fd, Lines& lines, void (StdioTransport::*take)(const Line& line));
  bool write();
  void take_line(const Line& line);
  void take_message(Document message, std::size_t bytes);
  void deliver(std::int64_t id, Result<Response> response);
  void take_error(const Line& line);
  void drop_line(const Line& line);
  void end_waits();

  const Host host_;
  const std::string name_;
  const Command command_;
  const Respond respond_;

  // Of the thread in keep().
  std::optional<Process> process_;
  Every garbage_warning_;
  Ration error_lines_;

  const Waker changed_;  // there is something to send, or keep() must end
  std::mutex mutex_;     // guards the rest
  bool running_ = false, dropped_ = false;
  std::string outbox_;
  std::unordered_map<std::int64_t, Waiting*> waiting_;  // by the id of the request
};

}  // namespace gatehouse::plugins::mcp
