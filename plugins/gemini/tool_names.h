#pragma once

#include <map>

#include "gatehouse/plugin.hpp"
#include "json_schema.h"

namespace gatehouse::plugins::gemini {

/// The names under which Gemini gets the tools of one request: it rejects those that are too long
/// or have other characters than it accepts. A name becomes the same in each request, so that a
/// conversation fits together.
class ToolNames {
 public:
  ToolNames(const Crypto& crypto, Json tools);

  View out(View ours);  ///< Lives as long as `ours` and this.
  /// A name that no tool has comes back as it is. `namespaces`: it may have one in front, as models
  /// write.
  View in(View geminis, bool namespaces = true) const;

  bool offered(View ours) const { return static_cast<bool>(find(ours)); }
  /// Its arguments are a member of those that Gemini gets.
  bool wraps(View ours) const { return is_wrapped(find(ours)["input_schema"]); }

 private:
  Json find(View ours) const;

  const Crypto& crypto_;
  Json tools_;
  // Of names that Gemini rejects.
  std::map<std::string, std::string, std::less<>> to_gemini_, from_gemini_;
};

}  // namespace gatehouse::plugins::gemini
