#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "gatehouse/event.hpp"

namespace acme::openai {

using namespace gatehouse;

/// Turns the chunks of a response into events.
class Response {
 public:
  explicit Response(Sink& out) : out_(out) {}

  /// The JSON text of the next chunk.
  Status read(View chunk);
  /// After the last chunk.
  Status end() const;

 private:
  struct Call {
    std::string id, name, arguments;
  };

  Status begin(Json chunk);
  Status read_delta(Json delta);
  Status read_call(Json piece);
  Status finish(View reason);
  Status emit_call(const Call& call);

  Sink& out_;
  bool has_begun_ = false, is_finished_ = false;
  std::map<std::int64_t, Call> calls_;  // by the API's index
};

}  // namespace acme::openai
