#pragma once

#include <Poco/Net/StreamSocket.h>

#include <memory>
#include <string>

#include "core/exchange/handler.h"
#include "core/server/answer.h"

namespace gatehouse::core {

/// By what, and how, a request is served from its beginning to its end. A reload puts another in
/// its place.
struct Setup {
  ServerSettings settings;
  std::shared_ptr<const Handler> handler;
};

/// The life of one client connection: parked while it is silent, on a thread while a request runs.
class Connection {
 public:
  /// What to do with it next.
  enum class Next {
    wait_for_request,  // between requests
    wait_for_head,     // a head has begun
    run,               // a head is there: serve() or refuse() it
    linger,            // all is said; the client may still be sending
    close
  };

  Connection(Poco::Net::StreamSocket socket, std::string_view peer,
             const Surroundings& surroundings)
      : socket_(std::move(socket)), peer_(plain_address(peer)), surroundings_(surroundings) {}

  /// Takes what has arrived, without waiting.
  Next receive();
  /// What the next request says first, as far as it can be read.
  RequestHead head() const;
  /// Runs the next request. May take as long as requests take.
  Next serve(const Setup& setup);
  /// Answers what is there with an error, and ends.
  Next refuse(const Failure& why, const Setup& setup);

  int fd() const { return socket_.impl()->sockfd(); }
  /// How long it may be parked for what is next.
  Clock::time_point deadline(Next next, const ServerSettings& settings) const;

 private:
  Next run_one(const Setup& setup);
  Next send_refusal(const Failure& why, std::string_view head_text, const Setup& setup);
  Next linger();
  static bool knows(const ServerSettings& settings, std::string_view host);

  Poco::Net::StreamSocket socket_;
  const std::string peer_;
  const Surroundings& surroundings_;
  std::string input_;  // received, not yet taken by a request
  HeadScan scan_;      // of the head in it
  Clock::time_point head_began_{};
  std::optional<Clock::time_point> lingers_since_;
};

}  // namespace gatehouse::core
