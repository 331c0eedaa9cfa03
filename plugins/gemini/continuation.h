#pragma once

#include <string>

#include "chunk.h"

namespace gatehouse::plugins::gemini {

/// A response that takes several requests, each from a token of the one before: when it is longer
/// than Gemini allows in one (finishReason CONTINUATION), or when its stream broke off. Follows
/// StreamContinuation of @google/genai 3.3.0.
class Continuation {
 public:
  explicit Continuation(std::int64_t max_hops) : hops_left_(max_hops) {}

  /// One event of the current request.
  void read(const Chunk& chunk, const Candidate& candidate);
  /// The current request's stream has ended. True: the response continues in another request, from
  /// token().
  bool continues();

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
