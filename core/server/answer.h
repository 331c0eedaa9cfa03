#pragma once

#include <Poco/Net/StreamSocket.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "core/config/settings.h"
#include "core/exchange/exchange.h"
#include "core/http/request_parser.h"
#include "core/net/wait.h"

namespace gatehouse::core {

/// What one connection needs to know of the server it belongs to.
struct Surroundings {
  const int stop_fd;                        // readable when running requests must end
  const std::atomic<bool>& draining;        // each answer is the last of its connection
  const std::function<void()> before_wait;  // whenever the thread of a request is about to wait
};

/// The answer that says x.failure(): head and body, ready to be sent on a connection that ends.
std::string refusal(Exchange& x);

/// The client's side of one request: reads its body, writes its answer. One send per flush; chunked
/// unless the body is whole before the first. On the thread of the request.
class Answer final : public Client {
 public:
  /// `input`: what was received after the head; what follows this request stays in it.
  Answer(Poco::Net::StreamSocket& socket, std::string& input, RequestParser& parser,
         const ServerSettings& settings, const Surroundings& surroundings);

  gh_status read_body(std::string& body, std::optional<Failure>& failure) override;
  gh_status flush() override;
  void heartbeat(std::string_view bytes, Clock::duration interval) override;
  void before_wait(std::function<void()> call) override { before_wait_ = std::move(call); }
  void outlive(std::function<bool()> wanted) override { waiter_.outlive(std::move(wanted)); }
  bool begun() const override { return begun_; }
  bool committed() const override { return committed_; }
  bool ended() const override { return complete_; }

  /// Takes a piece of the body. The status and headers of `x` leave with the first flush. GH_STOP:
  /// the client is gone.
  gh_status send(const Exchange& x, std::string_view bytes, bool last);
  /// Ends the answer after the pipeline returned `status`. False: the connection must end too.
  bool finish(Exchange& x, gh_status status);

  Waiter& waiter() { return waiter_; }

 private:
  void commit();
  void append_chunk(std::string_view bytes);
  bool rest_of_body_is_here();
  std::optional<Clock::time_point> tend();

  Poco::Net::StreamSocket& socket_;
  std::string& input_;
  RequestParser& parser_;
  const ServerSettings& settings_;
  const Surroundings& surroundings_;
  Waiter waiter_;

  const Exchange* exchange_ = nullptr;  // whose answer it is, once that has begun
  std::string
      out_;  // not yet sent: of the body as long as the head is not committed, then of the message
  bool begun_ = false, committed_ = false, chunked_ = false, has_body_ = true, complete_ = false,
       keep_alive_ = false, gone_ = false;
  bool flushing_ = false;
  std::function<void()> before_wait_;
  std::string heartbeat_;
  Clock::duration heartbeat_interval_{};
  Clock::time_point last_sent_{};
};

}  // namespace gatehouse::core
