#pragma once

#include <algorithm>
#include <array>
#include <set>

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// What Gemini says in an error, be it an answer of another status than 200 or an event of a stream. The detail is not
/// yet shortened and may hold the key.
Fail failure_of(std::int64_t http_status, Json error);
/// An answer that is not what the Gemini API promises.
Fail malformed(View what);

/// Turns one answer of Gemini, a stream of GenerateContentResponse objects, into the events of one step.
class GeminiAnswer {
 public:
  explicit GeminiAnswer(Sink& out) : out_(out) {}

  /// Before the first one.
  Status start() { return out_.emit(event::step_start()); }
  /// One GenerateContentResponse as JSON text.
  Status read(View text);
  /// After the last one.
  Status finish();

  /// -1: not known.
  std::int64_t input_tokens() const { return counts_[0]; }
  /// With those of thoughts, which are billed as output. -1: not known.
  std::int64_t output_tokens() const { return std::max(counts_[1] + std::max<std::int64_t>(counts_[3], 0), std::int64_t{-1}); }

 private:
  Status read_sources(Json chunks);
  Status read_part(Json part);
  Status read_call(Json part);

  Sink& out_;
  View reason_ = "unknown";
  bool has_calls_ = false;
  std::string code_id_;                                     // of the code execution that the next result belongs to
  std::set<std::string, std::less<>> urls_;                 // of the sources so far
  std::array<std::int64_t, 5> counts_{-1, -1, -1, -1, -1};  // as in kCounts; -1: not known
};

}  // namespace gatehouse
