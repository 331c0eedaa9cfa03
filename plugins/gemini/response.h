#pragma once

#include <set>
#include <vector>

#include "continuation.h"
#include "endings.h"
#include "sources.h"
#include "tool_names.h"
#include "usage.h"

namespace gatehouse::plugins::gemini {

/// Turns one answer of Gemini, streams of GenerateContentResponse objects, into the events of one
/// step. Nothing is passed on before there is something to see, so that a request that brings
/// nothing can be made again.
class GeminiResponse {
 public:
  /// What was asked.
  struct Question {
    const ToolNames& names;
    Json messages;          ///< Of the chat; the calls in it have ids.
    Json backend_tools;     ///< Of the chat.
    bool searches = false;  ///< Google may search for this answer.
    bool as_ai_sdk_5 = false;
    std::int64_t max_output_tokens = 0;  ///< As in Ending.
    std::int64_t max_hops = 0;           ///< As in Continuation.
    Json before{};  ///< As in Usage::counts: of attempts that brought nothing; empty: this is the
                    ///< first.
  };

  GeminiResponse(Sink& out, const Question& question);

  /// One GenerateContentResponse as JSON text.
  Status read(View text);
  /// After the last one. Not ok, too, where the answer is none; then failure() says more than the
  /// status.
  Status finish();
  const GeminiFailure& failure() const { return failure_; }

  /// The stream has ended, or broke off. True: the answer goes on in another request, from
  /// continuation().token().
  bool goes_on();
  const Continuation& continuation() const { return continuation_; }

  bool has_begun() const { return out_.has_begun(); }  ///< Something was passed on.
  const Usage& usage() const { return usage_; }
  /// What it said last, each empty where it said nothing: members model, id, reason, message,
  /// stage, retires.
  Json about() const { return about_.root(); }

 private:
  /// Begins the step with its first event.
  class Step final : public Sink {
   public:
    explicit Step(Sink& out) : out_(out) {}
    Status begin();
    Status emit(Event e) override;
    bool has_begun() const { return has_begun_; }

   private:
    Sink& out_;
    bool has_begun_ = false;
  };

  Status fail(GeminiFailure failure);
  void read_about(Json response);
  bool is_slip(Json parts) const;
  Status read_parts(Json parts);
  Status read_part(Json part);
  Status read_text(Json part);
  Status read_code(Json part);
  Status read_call(Json part, bool namespaces);
  Status read_server_call(Json part);
  Status flush_server_call(std::size_t index, Json response);
  std::string id_of(Json call);
  Status tell_end(View reason);

  const Question question_;
  Step out_;
  GeminiFailure failure_;
  Ending ending_;
  Sources sources_;
  Usage usage_;
  Continuation continuation_;
  Document about_;
  std::string code_id_;  // of the code execution that the next result belongs to
  std::set<std::string, std::less<>> call_ids_;  // that the answer has used
  std::vector<Document> server_calls_;  // parts; of Google's tools that have not answered yet
};

}  // namespace gatehouse::plugins::gemini
