#pragma once

#include <string>

#include "gatehouse/toolkit/client_calls.hpp"
#include "gatehouse/toolkit/respond.hpp"
#include "output_items.h"
#include "response_events.h"
#include "response_object.h"
#include "stored_items.h"

namespace gatehouse::plugins::responses {

/// Writes a response, as a stream of events or as one body.
class Reply final : public ResponseWriter {
 public:
  /// `x` has the chat document. `random`: that of the ids.
  Reply(Host host, Exchange& x, Sink& out, Json body, std::string random, const CallIds& ids,
        StoredItems& stored);
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  Status emit(Event e) override;
  Status finish(View reason, const ModelResponse& response) override;
  Status fail(const Failure& failure) override;

 private:
  Status send(const ResponseState& state);
  void name_model();
  Status keep_items();

  Exchange& x_;
  Sink& out_;
  StoredItems& stored_;
  const bool streams_, keeps_;
  const std::string random_;
  ResponseObject response_;
  EventStream stream_;
  ResponseEvents events_;
  OutputItems items_;
  ClientCalls calls_;
};

}  // namespace gatehouse::plugins::responses
