#pragma once

#include <Poco/Net/StreamSocket.h>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/sse.h"
#include "core/net/connect.h"
#include "core/net/loop.h"

namespace gatehouse::core {

class HttpClient;

/// The response of an upstream, whose body is still arriving. Closes its connection unless it has
/// been read to the end. One thread.
class HttpResponse {
 public:
  ~HttpResponse();

  int status() const;
  /// The first header of this name.
  std::string_view header(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& headers() const;
  /// The next piece of the body, a view until the next call. Empty: the end of the body.
  Result<std::string_view> read();
  /// The next server-sent event, views until the next call. Nullopt: the end of the body.
  Result<std::optional<SseReader::Event>> next_event();
  /// What the event stream has told so far about reconnecting.
  const SseReader& event_stream() const { return events_; }

 private:
  friend class HttpClient;
  struct Parser;
  HttpResponse(HttpClient& client, Poco::Net::StreamSocket socket, Clock::time_point expires,
               Waiter& waiter, bool to_head, Clock::duration event);
  Result<void> read_body(Clock::time_point until);
  Result<void> read_head(Clock::duration first_byte);
  Result<void> receive(Clock::time_point until);
  bool parse(std::string_view bytes);
  Clock::duration keeps_for() const;

  HttpClient& client_;
  Poco::Net::StreamSocket socket_;
  const Watch watch_;                // of the socket
  const Clock::time_point expires_;  // of the connection
  Waiter& waiter_;
  const Clock::duration event_;
  std::unique_ptr<Parser> parser_;
  std::string pending_;  // received, not yet consumed by the parser
  std::string piece_;    // what read() returned last
  SseReader events_;
  bool has_begun_ = false;  // a byte has arrived
};

/// Sends requests to one origin over keep-alive connections. Any thread.
class HttpClient {
 public:
  struct Options {
    std::string base_url;
    Clock::duration connect, first_byte, idle;
    // The longest life of a connection: the name may have moved to another address since.
    Clock::duration life = std::chrono::minutes(5);
    // The proxy, unless the server is reached without one.
    std::function<std::optional<Proxy>(const Endpoint& server)> proxy = {};
    // Connects at most until a time, in place of connecting to the server that base_url names.
    std::function<Result<Poco::Net::StreamSocket>(Waiter&, Clock::time_point until)> dial = {};
  };
  struct Request {
    std::string_view method, path;
    std::vector<std::pair<std::string_view, std::string_view>> headers;
    std::string_view body;
    Clock::duration first_byte{0};  // replaces that of the options, unless 0
    Clock::duration event{0};       // longest time until the next server-sent event, unless 0
  };

  /// All connections go to the origin, and through the proxy if there is one. Throws
  /// std::invalid_argument when base_url is not an http or https URL.
  explicit HttpClient(Options options);

  /// Sends a request and waits for the head of the response. If a kept connection turns out to be
  /// closed, the request is retried on a new one, unless it was sent in full and its method is not
  /// idempotent (RFC 9112 9.3.1). Responses must not outlive the client or the waiter.
  Result<std::unique_ptr<HttpResponse>> send(const Request& request, Waiter& waiter);

 private:
  friend class HttpResponse;
  struct Connection {
    Poco::Net::StreamSocket socket;
    Clock::time_point expires;  // it is not reused after that
  };
  struct Idle {
    Connection connection;
    Clock::time_point until;
  };
  /// Those of one loop, or of a share of the loops, so that requests on different processors wait
  /// for each other as rarely as possible.
  struct Pool {
    std::mutex mutex;
    std::vector<Idle> idle;  // guarded by mutex; the most recently used is at the end
  };
  /// What base_url names.
  struct Origin {
    Endpoint server;
    std::string authority;  // for the Host header
    std::string base_path;  // without a slash at its end
    static Origin parse(const std::string& url);
  };
  Pool& pool();
  std::optional<Connection> take_idle();
  void keep(Connection connection, Clock::duration time);
  std::string head_of(const Request& request) const;
  /// Requests without TLS are for the proxy itself; a tunnel hides the others from it.
  bool talks_to_proxy() const { return proxy_ && !origin_.server.tls; }
  Result<Connection> connect(Waiter& waiter) const;

  const Options options_;
  const Origin origin_;
  const std::optional<Proxy> proxy_;
  std::array<Pool, 16> pools_;
};

}  // namespace gatehouse::core
