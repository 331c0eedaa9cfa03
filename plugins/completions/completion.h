#pragma once

#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/client_calls.hpp"
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

/// Renders the events that a client may see in the form of this API.
class ApiResponse : public ResponseWriter {
 public:
  explicit ApiResponse(const Form& form)
      : form_(form), ordered_(*this), calls_(ordered_, form.x, form.ids) {}

  Status emit(Event e) final;
  Status finish(View reason, const ModelResponse& response) final;

 protected:
  /// One event; calls come one after another, by the client's ids.
  virtual void write(Event e) = 0;
  /// After all that an event of the model has brought.
  virtual Status flush() = 0;
  virtual Status send_end(View finish_reason, const TokenCounts& tokens) = 0;

  const Form form_;

 private:
  class Ordered final : public Sink {
   public:
    explicit Ordered(ApiResponse& response) : response_(response) {}
    Status emit(Event e) override {
      response_.write(e);
      return {};
    }

   private:
    ApiResponse& response_;
  };

  Ordered ordered_;
  ClientCalls calls_;
};

/// As one completion.
class Completion final : public ApiResponse {
 public:
  Completion(const Form& form, Sink& out) : ApiResponse(form), out_(out) {}

  Status fail(const Failure&) override { return {}; }  // nothing has been sent

 private:
  void write(Event e) override;
  Status flush() override;
  Status send_end(View finish_reason, const TokenCounts& tokens) override;

  Sink& out_;
  std::string head_, text_, reasoning_, tool_calls_;  // head_ and tool_calls_: JSON text
};

/// As chunks, each event at once.
class Chunks final : public ApiResponse {
 public:
  Chunks(const Form& form, Sink& out, bool include_usage);

  Status fail(const Failure& failure) override;

 private:
  void write(Event e) override;
  Status flush() override { return stream_.is_empty() ? Status() : stream_.send(); }
  Status send_end(View finish_reason, const TokenCounts& tokens) override;

  void write_text(View member, View text);
  void start_call(Event e);
  void write_arguments(View piece);
  void write_signature(Event e);
  // One chunk: begin, the members of its delta, end.
  JsonText& begin_delta();
  JsonText& begin_call_delta();
  void end_delta(View finish_reason = {});
  void end_call_delta();

  EventStream stream_;
  const bool include_usage_;
  std::string head_;  // of each chunk, as JSON text; empty: none has been written
  std::size_t before_choices_ = 0;
  std::int64_t call_ = -1;  // index of the last call
};

}  // namespace gatehouse::plugins::completions
