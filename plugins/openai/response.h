#pragma once

#include <map>
#include <vector>

#include "gatehouse/toolkit/provider.hpp"

namespace gatehouse::plugins::openai {

/// What an error of this API means: the body of a response with another status than 200, or an
/// event of a stream (`http_status` 200).
UpstreamFailure failure_of(int http_status, Json body);

/// Turns chunks of a chat completion into the events of one step.
class OpenAiResponse final : public ModelStream {
 public:
  OpenAiResponse(Sink& out, const Unhonoured& unhonoured, const ChatNames& names)
      : ModelStream(out, unhonoured), names_(names) {}

  Status read(const gh_sse_event& e) override;
  bool is_complete() const override { return is_done_; }
  Status finish() override;

 private:
  struct Call {
    std::int64_t index;
    std::string given_id, name, early;  ///< early: arguments that came before the name.
    std::optional<CallText> text{};     ///< Once the call has begun.
    Document extra{};                   ///< What has to come back with the call.
  };

  void read_usage(Json usage);
  Status read_delta(Json delta);
  Status read_content(Json content);
  Status read_sources(Json annotations);
  Status read_calls(Json pieces);
  Status read_call(Json piece, std::int64_t index);
  Call& call_of(Json piece, std::int64_t index);
  Status begin_call(Call& call);
  View reason() const;

  const ChatNames& names_;
  bool is_done_ = false, has_refused_ = false;
  std::string reason_;  // finish_reason; empty: none came
  std::vector<Call> calls_;
  std::map<std::int64_t, std::size_t> open_;  // the last call of an index, in calls_
  UniqueIds ids_;
};

}  // namespace gatehouse::plugins::openai
