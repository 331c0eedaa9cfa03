#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/trace.h"
#include "core/http/request_parser.h"
#include "core/json/json.h"
#include "core/net/wait.h"
#include "gatehouse/abi/exchange.h"

/// The C side's name for an exchange; only Exchange is one.
struct gh_exchange {
 protected:
  gh_exchange() = default;
  ~gh_exchange() = default;
};

namespace gatehouse::core {

/// Why a request was not answered as asked.
struct Failure {
  int http_status;
  std::string code, message, detail;
  std::chrono::nanoseconds retry_after{0};  // 0: not known
  std::uint32_t flags = 0;                  // GH_FAIL_...
};

/// The connection that a request came on, as its exchange sees it.
class Client {
 public:
  virtual ~Client() = default;
  /// Reads the whole body, once. Not GH_OK: `failure` says why, unless the client is gone or time
  /// is up.
  virtual gh_status read_body(std::string& body, std::optional<Failure>& failure) = 0;
  /// Sends what has been emitted so far. GH_STOP: the client is gone.
  virtual gh_status flush() = 0;
  virtual void heartbeat(std::string_view bytes, Clock::duration interval) = 0;
  /// As gh_exchange_api.before_wait; empty: none.
  virtual void before_wait(std::function<void()> call) = 0;
  /// As gh_share_api.outlive; empty: ends it.
  virtual void outlive(std::function<bool()> wanted) = 0;
  /// Something of the body has been emitted: the status is decided.
  virtual bool begun() const = 0;
  /// The head of the answer has left, or is about to: its headers are decided.
  virtual bool committed() const = 0;
  /// The whole body has been emitted.
  virtual bool ended() const = 0;
};

struct Frame;  // of core/pipeline

/// One request and its answer, as every plugin sees it. One thread.
class Exchange final : public gh_exchange {
 public:
  Exchange(const RequestHead& head, std::string_view peer, Client& client, Waiter& waiter);
  /// Of work for the request of `parent`, on a thread beside its own: neither a request nor an
  /// answer.
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
  /// Another than `peer` has sent the request.
  void set_client_address(std::string address) { client_address_ = std::move(address); }
  const std::string& request_id() const { return request_id_; }
  /// Nothing where there is no request.
  const Trace& trace() const { return trace_; }
  std::string_view header(std::string_view name);

  gh_status body(std::string_view& out);
  gh_status json(gh_json*& out);
  gh_json* chat() const { return chat_; }
  gh_json* make_chat();
  gh_json* notes();

  int status = 200;
  // False: it is no legal header, or the head has left and has not announced it.
  bool set_header(std::string_view name, std::string_view value);
  bool remove_header(std::string_view name);
  const std::vector<std::pair<std::string, std::string>>& answer_headers() const {
    return answer_headers_;
  }
  /// Behind the body (RFC 9110 6.5): a header that was set after the head had left and that its
  /// Trailer header has announced.
  const std::vector<std::pair<std::string, std::string>>& trailers() const { return trailers_; }

  /// Who sends the request, by the word of the plugin that authenticated it.
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

  /// GH_OK, or why to stop.
  gh_status cancelled() const { return as_status(waiter_.wait(-1, 0, Clock::time_point())); }
  static gh_status as_status(Wake wake);

  Client& client() const { return client_; }
  Waiter& waiter() const { return waiter_; }

  /// What the pipeline found for this method and path, or -1.
  int route = -1;
  /// The layer of the pipeline that it is in.
  const Frame* frame = nullptr;
  /// In each layer of the pipeline itself, by those of its calls that have ended.
  std::vector<Clock::duration> spent{};

 private:
  gh_status read_body();

  const RequestHead& head_;
  const std::string_view peer_;
  std::string client_address_;
  Client& client_;
  Waiter& waiter_;
  JsonArena arena_;  // of the body, the chat document and the notes; before request_id_, which is
                     // made with it
  std::string request_id_;
  Trace trace_;
  std::optional<std::string> body_;
  bool body_is_seen_ = false;  // somebody has a view of it
  gh_json* json_ = nullptr;
  gh_json* chat_ = nullptr;
  gh_json* notes_ = nullptr;
  gh_caller caller_{sizeof(gh_caller), 0, {}, {}, {}};
  std::vector<std::pair<std::string, std::string>> answer_headers_, trailers_;
  std::optional<Failure> failure_;
  gh_failure raw_failure_{};
  bool is_blamed_ = false;  // failure_ names the plugin at fault
};

}  // namespace gatehouse::core
