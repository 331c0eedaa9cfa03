#pragma once

#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// An answer that takes several requests, each from a token of the one before: when it is longer
/// than one request may answer (finishReason CONTINUATION), or its stream broke off. Follows
/// StreamContinuation of @google/genai 3.3.0.
class Continuation {
 public:
  explicit Continuation(std::int64_t max_hops) : hops_left_(max_hops) {}

  /// One event of the current request.
  void read(Json response, bool has_content);
  /// The current request's stream has ended. True: the answer goes on, in another request from
  /// token().
  bool goes_on();

  View token() const { return start_; }  ///< Empty: it is the first request.
  /// The last request brought nothing new.
  bool stalls() const { return stalls_ > 0; }

 private:
  bool follow();

  std::int64_t hops_left_;
  int stalls_ = 0;  // requests in a row
  // Of the current request:
  std::string start_, token_;  // what it began with, and the last one that it sent
  std::string reason_;
  bool has_content_ = false;
};

}  // namespace gatehouse::plugins::gemini
