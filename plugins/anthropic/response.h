#pragma once

#include <map>

#include "gatehouse/toolkit/provider.hpp"

namespace gatehouse::plugins::anthropic {

/// What an error of this API means: the body of a response with another status than 200, or an
/// event of a stream (`http_status` 200).
UpstreamFailure failure_of(int http_status, Json body);

/// Turns the events of a message into those of one step.
class AnthropicResponse final : public ModelStream {
 public:
  /// `as_ai_sdk_5`: input tokens are without those of the cache.
  AnthropicResponse(Sink& out, const Unhonoured& unhonoured, const ChatNames& names,
                    bool as_ai_sdk_5)
      : ModelStream(out, unhonoured), names_(names), as_ai_sdk_5_(as_ai_sdk_5) {}

  Status read(const gh_sse_event& e) override;
  bool is_complete() const override { return has_stopped_; }
  Status finish() override;

 private:
  /// A content block that is open.
  struct Block {
    View kind;  ///< text, thinking or tool_use; empty: one that is not known here.
    std::string id;
    std::optional<CallText> call{};
    std::string whole_input{};  ///< That came with the start of the block.
  };

  Status read_error(Json event);
  void read_message(Json message);
  void read_usage(Json usage);
  Status begin_block(Json event);
  Status read_delta(Json event);
  Status end_block(std::int64_t index);
  Status emit_text(const Block& block, View text);
  Status emit_metadata(const Block& block, View member, Json value);
  void count();
  View reason() const;

  const ChatNames& names_;
  const bool as_ai_sdk_5_;
  bool has_begun_ = false, has_stopped_ = false, has_calls_ = false;
  std::string reason_;  // stop_reason; empty: none came
  Document end_;        // of the event that ends the step
  std::map<std::int64_t, Block> open_;
  UniqueIds ids_;
  Document counts_;  // in the words of the API
};

}  // namespace gatehouse::plugins::anthropic
