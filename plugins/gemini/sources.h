#pragma once

#include <set>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// Where an answer comes from: pages that Google searched or read for it, and texts that it quotes.
class Sources {
 public:
  /// One event's candidate. Each URL is told once, though every event repeats those before.
  Status read(Json candidate, Sink& out);
  /// Google's search suggestions, which whoever shows a grounded answer has to show too, unchanged:
  /// their HTML; empty: none.
  const std::string& suggestions() const { return suggestions_; }

 private:
  Status tell(View url, View title, Sink& out);

  std::set<std::string, std::less<>> urls_;
  std::string suggestions_;
};

}  // namespace gatehouse::plugins::gemini
