#pragma once

#include <vector>

#include "chunk.h"
#include "continuation.h"
#include "endings.h"
#include "gatehouse/toolkit/provider.hpp"
#include "repairs.h"
#include "report.h"
#include "sources.h"
#include "tool_names.h"
#include "usage.h"

namespace gatehouse::plugins::gemini {

/// Turns one response of Gemini, streams of GenerateContentResponse objects, into the events of one
/// step. Emits nothing before there is something to show, so that a request without a response can
/// be made again.
class GeminiResponse : public ModelStream {
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
    bool tried_before = false;           ///< Not by the first attempt.
  };

  GeminiResponse(Sink& out, const Unhonoured& unhonoured, const Question& question);

  /// The data is one GenerateContentResponse.
  Status read(const gh_sse_event& e) override;
  bool is_complete() const override { return false; }  // counts may follow the last part
  Status finish() override;
  std::optional<std::chrono::nanoseconds> continues() override;
  void judge(UpstreamFailure& failure, Json body) override;
  TokenCounts usage() const override { return counts_.billed(); }

  View continuation_token() const { return continuation_.token(); }
  /// What of the request can be repaired after the failure.
  const Repairable& rejected() const { return rejected_; }
  const Report& reported() const { return report_; }
  const Usage& counts() const { return counts_; }

 private:
  void read_report(const Chunk& chunk, const Candidate& candidate);
  bool is_slip(const Candidate& candidate) const;
  Status read_parts(const Candidate& candidate);
  Status read_part(const Part& part);
  Status read_text(const Part& part);
  Status read_code(const Part& part);
  Status read_call(const Part& part, bool namespaces);
  Status read_server_call(const Part& part);
  Status flush_server_call(std::size_t index, const Part& response);
  std::string take_id(Json call);
  Status emit_end(View reason);
  Status emit_suggestions();

  const Question question_;
  std::optional<UniqueIds> ids_;  // since the first call
  Ending ending_;
  Sources sources_;
  Usage counts_;
  Continuation continuation_;
  Repairable rejected_;
  Report report_;
  std::string code_id_;                 // of the code execution that the next result belongs to
  std::vector<Document> server_calls_;  // parts; of tools of Google that have no result yet
};

}  // namespace gatehouse::plugins::gemini
