#pragma once

#include <set>
#include <vector>

#include "continuation.h"
#include "endings.h"
#include "gatehouse/toolkit/model_step.hpp"
#include "sources.h"
#include "tool_names.h"
#include "usage.h"

namespace gatehouse::plugins::gemini {

/// Turns one response of Gemini, streams of GenerateContentResponse objects, into the events of one
/// step. Emits nothing before there is something to show, so that a request without a response can
/// be made again.
class GeminiResponse {
 public:
  /// What was requested.
  struct Question {
    const ToolNames& names;
    Json messages;          ///< Of the chat; the calls in it have ids.
    Json backend_tools;     ///< Of the chat.
    bool searches = false;  ///< Google may search for this response.
    bool as_ai_sdk_5 = false;
    std::int64_t max_output_tokens = 0;  ///< As in Ending.
    std::int64_t max_hops = 0;           ///< As in Continuation.
    /// As in Usage::counts: of attempts without a response; empty: this is the first.
    Json unanswered{};
    const Unhonoured* unhonoured = nullptr;  ///< Warnings to begin with.
  };

  GeminiResponse(Sink& out, const Question& question);

  /// One GenerateContentResponse as JSON text.
  Status read(View text);
  /// After the last one. Fails, too, where all of them are not a response; then failure() has more
  /// than the status.
  Status finish();
  const GeminiFailure& failure() const { return failure_; }

  /// The stream has ended, or broke off. True: the response continues in another request, from
  /// continuation().token().
  bool continues();
  const Continuation& continuation() const { return continuation_; }

  bool has_begun() const { return out_.has_begun(); }  ///< Something was emitted.
  const Usage& usage() const { return usage_; }
  /// What Gemini last reported about it, each empty where it did not: members model, id, reason,
  /// message, stage, retires.
  Json about() const { return about_.root(); }

 private:
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
  Status emit_end(View reason);
  Status emit_about();

  const Question question_;
  ModelStep out_;
  GeminiFailure failure_;
  Ending ending_;
  Sources sources_;
  Usage usage_;
  Continuation continuation_;
  Document about_;
  std::string code_id_;  // of the code execution that the next result belongs to
  std::set<std::string, std::less<>> call_ids_;  // that the response has used
  std::vector<Document> server_calls_;  // parts; of tools of Google that have no result yet
};

}  // namespace gatehouse::plugins::gemini
