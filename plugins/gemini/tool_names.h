#pragma once

#include <map>

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// The names that Gemini gets of one request's tools: it refuses those that are too long or have other characters than
/// it knows. The same name becomes the same in each request, so that a conversation fits together.
class ToolNames {
 public:
  explicit ToolNames(Json tools);

  View out(View ours);          ///< Lives as long as `ours` and this.
  View in(View geminis) const;  ///< What no tool is called comes back as it is.

  bool offered(View ours) const;

 private:
  Json tools_;
  std::map<std::string, std::string, std::less<>> to_gemini_, from_gemini_;  // of names that Gemini refuses
};

}  // namespace gatehouse
