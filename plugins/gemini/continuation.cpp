#include "continuation.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr int kMaxStalls = 3;
// Those seen have less than 4 KiB; it is kept, and sent back.
constexpr std::size_t kMaxToken = 64 * 1024;

}  // namespace

void Continuation::read(const Chunk& chunk, const Candidate& candidate) {
  has_content_ = has_content_ || candidate.parts.size() > 0;
  if (!chunk.feedback.is_null()) reason_ = "promptFeedback";
  if (const View reason = candidate.reason.str(); !reason.empty()) reason_ = reason;
  if (const View token = candidate.continuation_token.str();
      !token.empty() && token.size() <= kMaxToken)
    token_ = token;
}

bool Continuation::continues() {
  if (hops_left_ <= 0 || !follow()) return false;
  --hops_left_;
  token_.clear();
  reason_.clear();
  has_content_ = false;
  return true;
}

bool Continuation::follow() {
  const bool has_new_token = !token_.empty() && token_ != start_;
  if (has_new_token && (reason_.empty() || reason_ == "CONTINUATION")) {
    stalls_ = 0;
    start_ = token_;
    return true;
  }
  // A request that broke off before any content can be made again; for the first one, that is up
  // to the plugins above.
  if (!reason_.empty() || has_content_ || start_.empty() || stalls_ == kMaxStalls) return false;
  ++stalls_;
  return true;
}

}  // namespace gatehouse::plugins::gemini
