#pragma once

#include <Poco/Net/StreamSocket.h>

#include <functional>
#include <memory>
#include <string>

#include "core/pipeline/pipeline.h"
#include "core/server/answer.h"

namespace gatehouse::core {

/// The life of one client connection: parked while it is silent, on a thread while a request runs.
class Connection {
 public:
  /// What to do with it next.
  enum class Next {
    wait_for_request,  // between requests
    wait_for_head,     // a head has begun
    run,               // a head is there: serve() it
    linger,            // all is said; the client may still be sending
    close
  };

  Connection(Poco::Net::StreamSocket socket, std::string peer, const Surroundings& surroundings)
      : socket_(std::move(socket)), peer_(std::move(peer)), surroundings_(surroundings) {}

  /// Takes what has arrived, without waiting.
  Next receive();
  /// Runs the requests that are there. `pipeline` is asked once for each. May take as long as requests take.
  Next serve(const std::function<std::shared_ptr<const Pipeline>()>& pipeline);
  /// Answers what is there with an error, and ends.
  Next refuse(const Refusal& why, const Pipeline& pipeline);

  int fd() const { return socket_.impl()->sockfd(); }
  /// How long it may be parked for what is next.
  Clock::time_point deadline(Next next) const;

 private:
  Next run_one(const Pipeline& pipeline);
  Next send_refusal(const Refusal& why, std::string_view head_text, const Pipeline& pipeline);
  Next linger();
  bool knows(std::string_view host) const;

  Poco::Net::StreamSocket socket_;
  const std::string peer_;
  const Surroundings& surroundings_;
  std::string input_;  // received, not yet taken by a request
  HeadScan scan_;      // of the head in it
  Clock::time_point head_began_{};
  std::optional<Clock::time_point> lingers_since_;
};

}  // namespace gatehouse::core
