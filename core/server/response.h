#pragma once

#include <Poco/Net/StreamSocket.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/config/settings.h"
#include "core/exchange/handler.h"
#include "core/http/request_parser.h"
#include "core/net/wait.h"

namespace gatehouse::core {

/// What a connection knows of the server it belongs to.
struct ServerContext {
  const int stop_fd;                  // readable when running requests must end
  const std::atomic<bool>& draining;  // each response is the last of its connection
  // Called when a connection ends before its first request.
  const std::function<void(const std::string& reason, std::string_view peer,
                           std::string_view detail)>
      rejected;
};

/// The whole response that reports x.failure() on a connection that is then closed.
std::string error_response(Exchange& x, const Handler& handler);

/// The client of one request as its exchange sees it: reads the body of the request and writes the
/// response, with one send per flush. The response is chunked unless its body was complete before
/// the first flush. Thread of the request.
class Response final : public Client {
 public:
  /// `input`: what was received after the head; what follows this request stays in it.
  Response(Poco::Net::StreamSocket& socket, std::string& input, RequestParser& parser,
           const ServerSettings& settings, const ServerContext& server);

  gh_status read_body(std::string& body, std::optional<Failure>& failure) override;
  gh_status flush() override;
  void heartbeat(std::string_view bytes, Clock::duration interval) override;
  void before_wait(std::function<void()> call) override { before_wait_ = std::move(call); }
  void about_to_wait() override {
    if (const auto call = std::exchange(before_wait_, nullptr)) call();
  }
  void outlive(std::function<bool()> wanted) override { waiter_.outlive(std::move(wanted)); }
  bool has_left() const override;
  bool begun() const override { return begun_; }
  bool committed() const override { return committed_; }
  bool ended() const override { return complete_; }

  /// Takes a piece of the body. The status and headers of `x` are sent with the first flush.
  /// GH_STOP: the client has gone. GH_CANCELLED: the request has ended while the client did not
  /// read.
  gh_status send(const Exchange& x, std::string_view bytes, bool last);
  /// Ends the response after the pipeline returned `status`. Returns whether the connection can be
  /// used again.
  bool finish(Exchange& x, gh_status status, const Handler& handler);

  Waiter& waiter() { return waiter_; }

 private:
  class BodyDeadline;
  std::optional<Failure> parse_body(std::string_view bytes);
  gh_status receive_body(std::string_view& bytes, BodyDeadline& deadline,
                         std::optional<Failure>& failure);
  bool rest_of_body_is_here();
  void commit();
  void decide_framing();
  void append_body(std::string_view bytes);
  void append_last_chunk();
  gh_status wait_until_writable(Clock::time_point until);
  std::optional<Clock::time_point> tend();
  Failure cancellation() const;

  Poco::Net::StreamSocket& socket_;
  std::string& input_;
  RequestParser& parser_;
  const ServerSettings& settings_;
  const ServerContext& server_;
  Waiter waiter_;

  const Exchange* exchange_ = nullptr;  // from the first send() on
  std::string out_;  // not yet sent: bytes of the body until commit(), then of the message
  bool begun_ = false, committed_ = false, chunked_ = false, has_body_ = true, complete_ = false,
       keep_alive_ = false;
  // Why nothing can be sent any more: GH_STOP or GH_CANCELLED, as of send(); else GH_OK.
  gh_status lost_ = GH_OK;
  bool flushing_ = false;
  std::function<void()> before_wait_;
  std::string heartbeat_;
  Clock::duration heartbeat_interval_{};
  Clock::time_point last_sent_{};
};

}  // namespace gatehouse::core
