#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/exchange/exchange.h"
#include "core/http/request_parser.h"
#include "tests/core/client_end.h"

namespace gatehouse::core {

/// A client that has sent a whole body, or failed to, and takes whatever it gets.
struct ReadyClient final : Client {
  std::string request_body;
  std::optional<Failure> body_failure;
  int body_reads = 0;
  bool head_left = false;
  bool body_ended = false;
  int flushes = 0;
  std::function<bool()> wanted;

  gh_status read_body(std::string& body, std::optional<Failure>& failure) override {
    ++body_reads;
    body = request_body;
    failure = body_failure;
    return failure ? GH_FAILED : GH_OK;
  }
  gh_status flush() override {
    ++flushes;
    return GH_OK;
  }
  void heartbeat(std::string_view, Clock::duration) override {}
  void before_wait(std::function<void()>) override {}
  void outlive(std::function<bool()> asks) override { wanted = std::move(asks); }
  bool has_left() const override { return false; }
  bool begun() const override { return head_left; }
  bool committed() const override { return head_left; }
  bool ended() const override { return body_ended; }
};

/// An exchange with all that it needs.
class Request {
  RequestParser parser_;
  const std::string head_;

 public:
  /// `line`: method and target. `fields`: lines with their ends.
  explicit Request(const std::string& line = "GET /", const std::string& fields = {},
                   Clock::time_point deadline = Clock::time_point::max())
      : head_(line + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"),
        end(deadline),
        x((parse(), parser_.head()), "192.0.2.1", client, end.waiter()) {}

  ClientEnd end;
  ReadyClient client;
  Exchange x;

 private:
  void parse() {
    if (parser_.parse_head(head_)) throw std::invalid_argument(head_);
  }
};

}  // namespace gatehouse::core
