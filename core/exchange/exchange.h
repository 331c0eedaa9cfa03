#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/trace.h"
#include "core/http/failure.h"
#include "core/http/request_parser.h"
#include "core/json/json.h"
#include "core/net/wait.h"
#include "gatehouse/abi/exchange.h"

/// The C name of an exchange; only Exchange derives from it.
struct gh_exchange {
 protected:
  gh_exchange() = default;
  ~gh_exchange() = default;
};

namespace gatehouse::core {

/// The client's side of an exchange.
class Client {
 public:
  virtual ~Client() = default;
  /// Reads the whole body, once. Not GH_OK: `failure` has the reason, unless the client has gone or
  /// time is up.
  virtual gh_status read_body(std::string& body, std::optional<Failure>& failure) = 0;
  /// Sends what has been emitted so far. GH_STOP: the client has gone. GH_CANCELLED: the request
  /// must end.
  virtual gh_status flush() = 0;
  virtual void heartbeat(std::string_view bytes, Clock::duration interval) = 0;
  /// As gh_exchange_api.before_wait; empty: none.
  virtual void before_wait(std::function<void()> call) = 0;
  /// An upstream is about to be called, which may take long: calls what before_wait() was given.
  virtual void about_to_wait() {}
  /// As gh_share_api.outlive; empty: ends it.
  virtual void outlive(std::function<bool()> wanted) = 0;
  /// As gh_client_api.has_left.
  virtual bool has_left() const = 0;
  /// Part of the body has been emitted: the status is decided.
  virtual bool begun() const = 0;
  /// The head of the response has been sent, or is about to be: its headers are decided.
  virtual bool committed() const = 0;
  /// The whole body has been emitted.
  virtual bool ended() const = 0;
};

struct Frame;  // of core/pipeline

/// One request and its response, as plugins see it. One thread.
class Exchange final : public gh_exchange {
 public:
  Exchange(const RequestHead& head, std::string_view peer, Client& client, Waiter& waiter);
  /// For work on another thread for the request of `parent`: it has neither request nor response.
  Exchange(const Exchange& parent, Client& client, Waiter& waiter);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  static Exchange& of(gh_exchange* x) { return *static_cast<Exchange*>(x); }
  static const Exchange& of(const gh_exchange* x) { return *static_cast<const Exchange*>(x); }

  const RequestHead& head() const { return head_; }
  std::string_view peer() const { return peer_; }
  std::string_view client_address() const {
    return client_address_.empty() ? peer_ : std::string_view(client_address_);
  }
  /// The client's address differs from `peer`: a proxy is in between.
  void set_client_address(std::string address) { client_address_ = std::move(address); }
  const std::string& request_id() const { return request_id_; }
  /// Empty without a request.
  const Trace& trace() const { return trace_; }
  /// False: it is not a traceparent of version 00.
  bool set_trace(std::string_view traceparent);
  std::string_view header(std::string_view name);

  gh_status body(std::string_view& out);
  gh_status json(gh_json*& out);
  gh_json* chat() const { return chat_; }
  gh_json* make_chat();
  gh_json* notes();

  int status = 200;
  // False: it is no legal header, or the head has been sent without announcing it as a trailer.
  bool set_header(std::string_view name, std::string_view value);
  bool remove_header(std::string_view name);
  using Headers = std::vector<std::pair<std::string_view, std::string_view>>;  // name, value
  const Headers& answer_headers() const { return answer_headers_; }
  /// Sent after the body (RFC 9110 6.5): headers that were set after the head had been sent and
  /// that its Trailer header had announced.
  const Headers& trailers() const { return trailers_; }

  /// Who sends the request, as set by the plugin that authenticated it.
  const gh_caller& caller() const { return caller_; }
  void set_caller(std::string_view tenant, std::string_view user, std::string_view key);

  gh_status fail(Failure failure);
  const std::optional<Failure>& failure() const { return failure_; }
  /// Replaces the failure by one that names the plugin at fault.
  void blame(Failure failure) {
    (void)fail(std::move(failure));
    is_blamed_ = true;
  }
  bool is_blamed() const { return is_blamed_; }
  const gh_failure* raw_failure() const { return failure_ ? &raw_failure_ : nullptr; }
  void clear_failure() { failure_.reset(); }

  /// GH_OK, or the reason to stop.
  gh_status cancelled() const { return as_status(waiter_.wait(-1, 0, Clock::time_point())); }
  static gh_status as_status(Wake wake);

  /// As gh_share_api.outlive, for the layer that the request is in; empty: ends it. The request
  /// runs on as long as one of the layers wants it to.
  void outlive(std::function<bool()> wanted);

  Client& client() const { return client_; }
  Waiter& waiter() const { return waiter_; }

  /// The id of the route of this method and path, or -1.
  int route = -1;
  /// The path of that route as it was claimed; empty: none.
  std::string_view route_path{};
  /// The layer of the pipeline that it is in.
  const Frame* frame = nullptr;
  /// Time spent in each layer itself, by its calls that have ended.
  std::vector<Clock::duration> spent{};

 private:
  gh_status read_body();
  gh_status parse_body();

  const RequestHead& head_;
  const std::string_view peer_;
  std::string client_address_;
  Client& client_;
  Waiter& waiter_;
  // Of the body, the chat document, the notes and the headers of the response. Before request_id_,
  // whose constructor uses it.
  JsonArena arena_;
  std::string request_id_;
  Trace trace_;
  std::optional<std::string> body_;
  bool body_is_seen_ = false;      // a plugin has a view of it
  gh_json* json_ = nullptr;        // the parsed body
  std::string_view json_error_{};  // why it cannot be parsed
  gh_json* chat_ = nullptr;
  gh_json* notes_ = nullptr;
  gh_caller caller_{sizeof(gh_caller), 0, {}, {}, {}};
  Headers answer_headers_, trailers_;  // their texts are in arena_
  std::optional<Failure> failure_;
  gh_failure raw_failure_{};
  bool is_blamed_ = false;  // failure_ names the plugin at fault
  std::vector<std::pair<const Frame*, std::function<bool()>>> wanted_;  // of outlive(), by layer
};

}  // namespace gatehouse::core
