#pragma once

#include <set>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// A failure of Gemini, with what it means for the operator and for the next request.
struct GeminiFailure : Fail {
  /// What of the same request can be repaired at once.
  enum class Repair { none, signatures, tools };

  int health = GH_UP;  ///< That of Gemini from now on; GH_UP: the failure is not about it.
  /// For the operator: what is wrong, and what to do about it. Has no text of a client and no key.
  std::string remedy{};
  Repair repair = Repair::none;
  /// Of Repair::tools: the declarations that Gemini names, by their index; empty: it names none.
  std::set<std::size_t> tools{};
  bool once = false;        ///< A second attempt may succeed, a third will not.
  bool model_gone = false;  ///< For good, or for this key.
};

/// Of an error of Gemini: the body of a response with another status than 200, or an event of a
/// stream (`http_status` 200). The detail is not shortened yet and may hold the key.
GeminiFailure failure_of(std::int64_t http_status, Json error);
/// A response that is not what the Gemini API promises.
GeminiFailure malformed(View what);

}  // namespace gatehouse::plugins::gemini
