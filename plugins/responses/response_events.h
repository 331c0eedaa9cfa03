#pragma once

#include <cstdint>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/event_stream.hpp"
#include "output_items.h"
#include "response_object.h"

namespace gatehouse::plugins::responses {

/// Writes the events of a streamed response, each with its number.
class ResponseEvents final : public ItemObserver {
 public:
  ResponseEvents(const ResponseObject& response, EventStream& stream)
      : response_(response), stream_(stream) {}

  /// The first two events, once.
  void open();
  bool is_open() const { return next_number_ > 0; }
  void begin(const OutputItem& item) override;
  void add(const OutputItem& item, View piece) override;
  void end(const OutputItem& item, View status) override;
  /// The last event: that of the status.
  void close(const ResponseState& state);
  /// {"type", "code", "message", "param"}, as error responses have it.
  void write_error(Json error);

 private:
  JsonText& begin_event(View type);
  /// For an event of a part of the item.
  JsonText& begin_event(View type, const OutputItem& item);
  void end_event();
  void write_snapshot(View type, const ResponseState& state);

  const ResponseObject& response_;
  EventStream& stream_;
  std::int64_t next_number_ = 0;
};

}  // namespace gatehouse::plugins::responses
