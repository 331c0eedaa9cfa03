#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"
#include "recordings.h"
#include "relay.h"

namespace gatehouse::plugins::chat {

/// Lets a chat run on when its client leaves, and that client get the response again, from its
/// first byte on: GET /api/chat/ID/stream. DELETE stops it. Does nothing unless `resume` is set.
class Resumption {
 public:
  Resumption(Host host, Json config);
  /// After a reload: the responses of the instance before can still be resumed.
  void adopt(Resumption& older);

  bool is_on() const { return keep_.count() > 0; }
  /// Calls `respond`, whose response can be resumed as that of the chat `id`; empty: of no chat.
  Status run(Exchange& x, Sink& out, View id, const std::function<Status(Sink&)>& respond);
  Status resume(Exchange& x, Sink& out);
  Status stop(Exchange& x, Sink& out);
  /// A task in the background: forgets what can no longer be resumed.
  void forget(Exchange& x);

 private:
  class Run;

  std::string key_of(const Exchange& x, View id) const;
  std::string last_of(Exchange& x, const std::string& key);
  Status resume(Exchange& x, Sink& out, const std::string& key, const std::string& id);
  template <class Reader>
  Status pass_on(Exchange& x, Sink& out, Reader& reader, const std::string& key, View id);
  Status pass_last_on(Exchange& x, Sink& out, const Recording::Piece& piece, const std::string& key,
                      View id);
  void set_received(Exchange& x, const std::string& key, View id, bool received);
  bool is_flushed(Exchange& x) const { return x.flush() && !client_.has_left(x); }

  const Host host_;
  const Share share_;
  const ClientSide client_;
  const Crypto crypto_;
  const std::chrono::nanoseconds keep_;
  const std::size_t max_bytes_;
  const Capacity::Limits limits_;
  std::optional<Relay> relay_;  // nothing: no other gateway can resume the responses of this one
  std::shared_ptr<Recordings> recordings_;  // written by adopt() only, before the instance serves
  // What became of requests whose client has left.
  static constexpr std::array<View, 7> kEnds = {"completed", "stopped",  "expired", "replaced",
                                                "too_many",  "too_long", "failed"};
  std::array<Series, kEnds.size()> ends_;
  Series resumed_, not_resumed_, bytes_, running_;
};

}  // namespace gatehouse::plugins::chat
