#pragma once

#include <map>

#include "gatehouse/plugin.hpp"
#include "json_schema.h"

namespace gatehouse::plugins::gemini {

/// The names that Gemini gets of one request's tools: it refuses those that are too long or have
/// other characters than it knows. The same name becomes the same in each request, so that a
/// conversation fits together.
class ToolNames {
 public:
  ToolNames(const Crypto& crypto, Json tools);

  View out(View ours);  ///< Lives as long as `ours` and this.
  /// What no tool is called comes back as it is. `namespaces`: it may have one before it, as models
  /// write.
  View in(View geminis, bool namespaces = true) const;

  bool offered(View ours) const { return static_cast<bool>(find(ours)); }
  bool wraps(View ours) const {
    return is_wrapped(find(ours)["input_schema"]);
  }  ///< Its arguments.

 private:
  Json find(View ours) const;

  const Crypto& crypto_;
  Json tools_;
  std::map<std::string, std::string, std::less<>> to_gemini_,
      from_gemini_;  // of names that Gemini refuses
};

}  // namespace gatehouse::plugins::gemini
