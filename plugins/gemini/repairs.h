#pragma once

#include "failures.h"
#include "request.h"

namespace gatehouse::plugins::gemini {

/// What was changed in the requests of one chat because Gemini rejected part of them.
class Repairs {
 public:
  /// `tools`: the forms in which Gemini has accepted the chat's tools before.
  explicit Repairs(std::vector<ToolForm> tools) : tools_(std::move(tools)) {}

  /// After this failure: whether the request was repaired and can be sent again at once. Logs what
  /// was changed.
  bool apply(const GeminiFailure& failure, Json tools, Host host, const Exchange& x);

  bool any() const { return count_ > 0; }
  const std::vector<ToolForm>& tools() const { return tools_; }
  bool foreign_signatures() const { return foreign_signatures_; }

 private:
  bool simplify(const GeminiFailure& failure, Json tools, Host host, const Exchange& x);

  int count_ = 0;
  std::vector<ToolForm> tools_;
  bool foreign_signatures_ = false;
};

}  // namespace gatehouse::plugins::gemini
