#pragma once

#include <Poco/Net/StreamSocket.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/http/sse.h"
#include "core/net/wait.h"

namespace gatehouse::core {

/// Why an upstream did not answer, or not to the end.
struct HttpProblem {
  enum Kind {
    unreachable,
    no_connection_in_time,
    broken,
    too_large,
    timeout,
    gone,
    cancelled
  } kind;
  std::string detail;  // for the log
};

class HttpClient;

/// An answer of an upstream, its body still arriving. Ends its connection unless it was read to the
/// end. One thread.
class HttpAnswer {
 public:
  ~HttpAnswer();

  int status() const;
  /// The first of this name.
  std::string_view header(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& headers() const;
  /// The next piece of the body, a view until the next call. Empty: the proper end.
  std::variant<std::string_view, HttpProblem> read();
  /// The next server-sent event, views until the next call. Nullopt: the proper end.
  std::variant<std::optional<SseReader::Event>, HttpProblem> next_event();
  /// What the event stream has said so far about being asked for again.
  const SseReader& event_stream() const { return events_; }

 private:
  friend class HttpClient;
  struct Parser;
  HttpAnswer(HttpClient& client, Poco::Net::StreamSocket socket, Clock::time_point expires,
             Waiter& waiter, bool to_head, Clock::duration event);
  std::variant<std::string_view, HttpProblem> read(Clock::time_point until);
  std::optional<HttpProblem> read_head(Clock::duration first_byte);
  std::optional<HttpProblem> receive(Clock::time_point until);
  Clock::duration keeps_for() const;

  HttpClient& client_;
  Poco::Net::StreamSocket socket_;
  const Clock::time_point expires_;  // the connection
  Waiter& waiter_;
  const Clock::duration event_;
  std::unique_ptr<Parser> parser_;
  std::string pending_;  // received, not yet taken by the parser
  std::string piece_;    // what read() returned last
  SseReader events_;
  bool heard_ = false;  // a byte has come
};

/// Sends requests to one origin over kept-alive connections. Any thread.
class HttpClient {
 public:
  struct Options {
    std::string base_url;
    Clock::duration connect, first_byte, idle;
    Clock::duration life =
        std::chrono::minutes(5);  // of a connection that is kept: a name may have moved since
  };
  struct Request {
    std::string_view method, path;
    std::vector<std::pair<std::string_view, std::string_view>> headers;
    std::string_view body;
    Clock::duration first_byte{0};  // in place of that of the options, unless 0
    Clock::duration event{0};       // longest time until the next server-sent event, unless 0
  };

  /// Throws std::invalid_argument when base_url is not an http or https URL.
  explicit HttpClient(Options options);

  /// Sends and waits for the head. If a kept connection turns out to be closed, the request is sent
  /// again on a new one, unless it left whole and its method is not idempotent (RFC 9112 9.3.1).
  /// Answers must not outlive the client or the waiter.
  std::variant<std::unique_ptr<HttpAnswer>, HttpProblem> send(const Request& request,
                                                              Waiter& waiter);

 private:
  friend class HttpAnswer;
  struct Connection {
    Poco::Net::StreamSocket socket;
    Clock::time_point expires;  // it is not used again after that
  };
  struct Idle {
    Connection connection;
    Clock::time_point until;
  };
  std::optional<Connection> take_idle();
  void keep(Connection connection, Clock::duration time);
  std::string head_of(const Request& request) const;
  std::variant<Connection, HttpProblem> connect(Waiter& waiter) const;
  std::optional<HttpProblem> start_tls(Poco::Net::StreamSocket& socket, Waiter& waiter,
                                       Clock::time_point until) const;

  const Options options_;
  std::string host_;       // for the name service and TLS
  std::string authority_;  // for the Host header
  std::string base_path_;
  std::uint16_t port_ = 0;
  bool tls_ = false;

  std::mutex mutex_;
  std::vector<Idle> idle_;  // guarded by mutex_; the last used is at the end
};

}  // namespace gatehouse::core
