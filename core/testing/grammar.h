#pragma once

#include <map>
#include <string>

#include "gatehouse/event.hpp"

namespace gatehouse::testing {

/// The grammar of the events of a model: abi/event.h.
class Grammar {
 public:
  /// The rule that this event breaks, or null.
  const char* see(const Event& e);
  /// The rule that a response breaks which ends here.
  const char* end() const;

 private:
  const char* see_tool(const Event& e);
  enum class Call { begun, called, waits };

  bool in_step_ = false, has_step_ = false, has_bytes_ = false;
  std::map<std::string, Call> calls_;  // of the step, by their ids
};

}  // namespace gatehouse::testing
