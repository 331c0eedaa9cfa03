#pragma once

#include <map>
#include <mutex>
#include <unordered_map>

#include "process.h"
#include "transport.h"

namespace gatehouse {

/// At most so many a minute of what a server can make without end.
class Ration {
 public:
  explicit Ration(int a_minute) : a_minute_(a_minute) {}
  bool take(std::chrono::nanoseconds now);

 private:
  const int a_minute_;
  int taken_ = 0;
  std::chrono::nanoseconds began_{0};
};

/// Cuts what a process writes into lines, in whatever pieces it comes.
class Lines {
 public:
  explicit Lines(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Calls line(View) for each line that is complete; of one that is longer than max_bytes it gets the beginning.
  template <class F>
  void feed(View bytes, F line) {
    for (std::size_t end; (end = bytes.find('\n')) != View::npos; bytes.remove_prefix(end + 1)) {
      keep(bytes.substr(0, end));
      line(View(kept_));
      kept_.clear();
    }
    keep(bytes);
  }

 private:
  void keep(View bytes) { kept_.append(bytes.substr(0, max_bytes_ - kept_.size())); }

  const std::size_t max_bytes_;
  std::string kept_;
};

/// A server that is a child process: a message is a line of its standard input or output.
class StdioTransport final : public Transport {
 public:
  StdioTransport(Host host, Json config, const std::string& pointer, Answer answer);

  Status keep(Exchange& x, Open& open) override;
  void close(Exchange& x) override;
  Result<Response> request(Exchange& x, std::int64_t id, View message) override;
  Status send(Exchange& x, View message) override;
  void drop() override;

 private:
  /// Who waits for an answer. Guarded by mutex_.
  struct Waiting {
    Waker waker;
    std::optional<Response> response;
  };

  Result<Response> wait(Exchange& x, Waiting& mine);
  Status pump(Exchange& x);
  bool has_output();
  ssize_t read(const Fd& fd, Lines& lines, void (StdioTransport::*take)(View line));
  bool write();
  void take_message(View line);
  void take_error(View line);
  void tell_garbage(View line);
  void end_waits();

  const Host host_;
  const std::string name_;
  const std::vector<std::string> command_;
  const std::map<std::string, std::string> variables_;
  const std::chrono::nanoseconds connect_timeout_;
  const Answer answer_;

  // Of the thread in keep().
  std::optional<Process> process_;
  Ration garbage_, errors_;

  const Waker changed_;  // there is something to send, or keep() is to end
  std::mutex mutex_;     // guards the rest
  bool running_ = false, dropped_ = false;
  std::string outbox_;
  std::unordered_map<std::int64_t, Waiting*> waiting_;  // by the id of the request
};

}  // namespace gatehouse
