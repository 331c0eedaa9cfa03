#pragma once

#include <set>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// A failure of Gemini, with what it means for those who run the gateway and for the next request.
struct GeminiFailure : Fail {
  /// What of the same request may be put right at once.
  enum class Mend { none, signatures, tools };

  int health = GH_UP;  ///< That of Gemini from now on; GH_UP: the failure says nothing about it.
  std::string cure{};  ///< For the operator: what is wrong, and what to do about it. Has no word of
                       ///< a client or the key.
  Mend mend = Mend::none;
  std::set<std::size_t> tools{};  ///< Of Mend::tools: the declarations that Gemini names, by their
                                  ///< index; empty: it names none.
  bool once = false;              ///< A second attempt may help, a third will not.
  bool model_gone = false;        ///< For good, or for this key.
};

/// What Gemini says in an error, be it an answer of another status than 200 or an event of a stream
/// (`http_status` 200). The detail is not yet shortened and may hold the key.
GeminiFailure failure_of(std::int64_t http_status, Json error);
/// An answer that is not what the Gemini API promises.
GeminiFailure malformed(View what);

}  // namespace gatehouse::plugins::gemini
