#pragma once

#include <set>

#include "failures.h"
#include "request.h"

namespace gatehouse::plugins::gemini {

/// What of a rejected request can be changed, so that Gemini may accept it at once.
struct Repairable {
  enum What { nothing, signatures, tools } what = nothing;
  /// Of tools: the declarations that Gemini names, by their index; empty: it names none.
  std::set<std::size_t> named{};
  std::string detail{};  ///< Of the failure, for the log.
};
/// `message`: of Gemini's error.
Repairable repairable(const UpstreamFailure& failure, View message);

/// What was changed in the requests of one chat because Gemini rejected part of them.
class Repairs {
 public:
  /// `tools`: the forms in which Gemini has accepted the chat's tools before.
  explicit Repairs(std::vector<ToolForm> tools) : tools_(std::move(tools)) {}

  /// Whether the request was repaired and can be sent again at once. Logs what was changed.
  bool apply(const Repairable& rejected, Json tools, Host host, const Exchange& x);

  bool any() const { return count_ > 0; }
  const std::vector<ToolForm>& tools() const { return tools_; }
  bool foreign_signatures() const { return foreign_signatures_; }

 private:
  bool simplify(const Repairable& rejected, Json tools, Host host, const Exchange& x);

  int count_ = 0;
  std::vector<ToolForm> tools_;
  bool foreign_signatures_ = false;
};

}  // namespace gatehouse::plugins::gemini
