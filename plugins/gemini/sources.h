#pragma once

#include <set>
#include <string>

#include "chunk.h"

namespace gatehouse::plugins::gemini {

/// The sources of a response: pages that Google searched or read for it, and texts that it quotes.
class Sources {
 public:
  /// One event's candidate. Emits each URL once, though every event repeats those before.
  Status read(const Candidate& candidate, Sink& out);
  /// The HTML of Google's search suggestions, which a page that shows a grounded response has to
  /// show, too, unchanged. Empty: none.
  const std::string& suggestions() const { return suggestions_; }

 private:
  Status emit(View url, View title, Sink& out);

  std::set<std::string, std::less<>> urls_;
  std::string suggestions_;
};

}  // namespace gatehouse::plugins::gemini
