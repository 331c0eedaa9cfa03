/// Chats with `count_only`, for providers whose APIs count the tokens of a prompt.
#pragma once

#include "gatehouse/toolkit/model_api.hpp"

namespace gatehouse {
inline namespace v1 {

/// The chat is only to be counted: no model is to respond to it.
inline bool is_count_only(Json chat) { return chat["count_only"].boolean(); }

/// Turns the response of an API that counts tokens, one JSON object, into the events of a step
/// whose usage is the count.
class TokenCount final : public ModelStream {
 public:
  /// `member`: of the response, which has the count.
  TokenCount(Sink& out, const Unhonoured& unhonoured, View member)
      : ModelStream(out, unhonoured), member_(member) {}

  bool is_event_stream() const override { return false; }
  Status read(const gh_sse_event& body) override {
    auto response = Document::parse(view(body.data));
    const std::int64_t tokens = response ? response->root()[member_].integer(-1) : -1;
    if (tokens < 0) return fail(malformed_response("it has no count of tokens"));
    count_.root().edit("input_tokens").set(tokens);
    return {};
  }
  bool is_complete() const override { return count_.root().is_object(); }
  Status finish() override {
    if (Status s = step_.emit(event::usage(count_.root())); !s) return s;
    return step_.emit(event::step_finish("stop"));
  }

 private:
  const View member_;
  Document count_;  // usage() stays empty: counting is free of charge
};

}  // namespace v1
}  // namespace gatehouse
