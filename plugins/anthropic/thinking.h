#pragma once

#include "request.h"

namespace gatehouse::plugins::anthropic {

/// The most tokens of a response, which include those of thinking.
std::int64_t max_tokens(Json chat, const RequestOptions& options);

/// How much the model thinks: as the chat says, else as the settings do.
class ThinkingOptions {
 public:
  ThinkingOptions(Json chat, const RequestOptions& options);

  bool is_on() const { return budget_ > 0 || !effort_.empty(); }
  bool has_budget() const { return budget_ > 0; }
  /// Why `reasoning` of the chat is not honoured; empty: it is.
  View unhonoured() const { return unhonoured_; }
  /// Appends the members `thinking` and `output_config`. `schema`: of the response; absent: none.
  void append(std::string& out, Json schema) const;

 private:
  void set(Json wanted, const RequestOptions& options, std::int64_t max_tokens);

  std::int64_t budget_ = 0;
  View effort_;  // of an adaptive model
  bool visible_ = false;
  View unhonoured_;
};

}  // namespace gatehouse::plugins::anthropic
