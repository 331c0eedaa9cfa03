#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/call_ids.hpp"
#include "gatehouse/toolkit/event_stream.hpp"
#include "gatehouse/toolkit/respond.hpp"

namespace gatehouse::plugins::completions {

/// What both forms of a response need.
struct Form {
  Host host;
  Exchange& x;  ///< Has the chat document.
  const CallIds& ids;
  bool send_reasoning;
};

/// Collects the response, and writes it as one completion.
class Completion final : public ResponseWriter {
 public:
  Completion(const Form& form, Sink& out) : form_(form), out_(out) {}

  Status emit(Event e) override;
  Status finish(View reason, const ModelResponse& response) override;
  Status fail(const Failure&) override { return {}; }  // nothing has been sent

 private:
  const Form form_;
  Sink& out_;
  std::string head_, text_, reasoning_, calls_;  // head_ and calls_: JSON text
};

/// Writes each event as a chunk, at once.
class Chunks final : public ResponseWriter {
 public:
  Chunks(const Form& form, Sink& out, bool include_usage);

  Status emit(Event e) override;
  Status finish(View reason, const ModelResponse& response) override;
  Status fail(const Failure& failure) override;

 private:
  struct Call {
    std::string id;
    bool has_arguments;
  };
  void write_text(View member, View text);
  std::size_t start_call(Event e);
  void write_arguments(std::size_t index, View text);
  void write_rest_of_call(Event e);
  std::size_t index_of(View id) const;
  // One chunk: begin, the members of its delta, end.
  JsonText& begin_delta();
  void end_delta(View finish_reason = {});

  const Form form_;
  EventStream stream_;
  const bool include_usage_;
  std::string head_;  // of each chunk, as JSON text; empty: none has been written
  std::size_t before_choices_ = 0;
  std::vector<Call> calls_;  // their places are their indexes on the wire
};

}  // namespace gatehouse::plugins::completions
