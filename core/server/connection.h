#pragma once

#include <Poco/Net/StreamSocket.h>

#include <memory>
#include <string>

#include "core/exchange/handler.h"
#include "core/server/opening.h"
#include "core/server/response.h"

namespace gatehouse::core {

/// How, and by which handler, a request is served from its beginning to its end. A reload replaces
/// it for later requests.
struct Setup {
  ServerSettings settings;
  std::shared_ptr<const Handler> handler;
};

/// One client connection: parked while it is silent, on a thread while a request runs.
class Connection {
 public:
  /// What to do with it next.
  enum class Next {
    wait_for_request,  // between requests
    wait_for_head,     // a head, or what precedes the first one, has begun
    wait_to_write,     // the same, until the client reads
    run,               // a head has arrived, or what can be none: serve() or reject()
    linger,            // the response is sent; the client may still be sending
    close
  };

  /// `opening`: what precedes the first request; null: nothing.
  Connection(const Poco::Net::StreamSocket& socket, std::string_view peer,
             std::unique_ptr<Opening> opening, const ServerContext& server)
      : socket_(socket),
        peer_(plain_address(peer)),
        server_(server),
        opening_(std::move(opening)) {}

  /// Takes what has arrived, without waiting.
  Next receive();
  /// Of the next request; if it is invalid, what can be read of it.
  const RequestHead& head() const;
  /// Its body may be large: to parse it and to pass it on takes tenths of a second of computing.
  bool has_large_body() const;
  /// Runs the next request, for as long as that takes.
  Next serve(const Setup& setup);
  /// Responds to the next request with an error, and ends.
  Next reject(const Failure& why, const Setup& setup);

  int fd() const { return socket_.impl()->sockfd(); }
  /// Until when it may be parked for what is next.
  Clock::time_point deadline(Next next, const ServerSettings& settings) const;

 private:
  /// A request whose head has arrived.
  struct Arrived {
    std::string head;  // its text
    RequestParser parser;
    std::optional<Failure> failure;  // the head is invalid: `rough` is what can be read of it
    RequestHead rough;
  };

  Next open();
  bool take_input();
  Next take_head();
  std::optional<Failure> why_rejected(const Setup& setup) const;
  Next run_handler(const Setup& setup);
  Next linger();

  Poco::Net::StreamSocket socket_;
  std::string peer_;
  const ServerContext& server_;
  std::string input_;                 // received, not yet taken by a request
  HeadScan scan_;                     // of the head in it
  std::unique_ptr<Arrived> next_;     // the next request, or the one that runs
  std::unique_ptr<Opening> opening_;  // null once it is done
  bool lacks_tls_ = false;            // the client speaks HTTP where it must speak HTTPS
  bool has_served_ = false;
  Clock::time_point head_began_ = Clock::now();
  std::optional<Clock::time_point> lingers_since_;
};

}  // namespace gatehouse::core
