#include "core/exchange/trace.h"

#include <atomic>
#include <cstdint>
#include <random>
#include <utility>

#include "core/text/hex.h"

namespace gatehouse::core {
namespace {

constexpr std::string_view kForm = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::size_t kTrace = 3, kTraceDigits = 32, kSpan = 36, kSpanDigits = 16, kFlags = 53;
constexpr std::size_t kMostState = 512;  // W3C Trace Context 3.3.1.5: so much should be passed on

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}
bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != text.npos;
}

/// SplitMix64 (Steele, Lea, Flood 2014): unique, not secret, never 0, which is not a valid id.
std::uint64_t random_id() {
  static std::atomic<std::uint64_t> state{(std::uint64_t{std::random_device()()} << 32) |
                                          std::random_device()()};
  std::uint64_t z = state.fetch_add(0x9e3779b97f4a7c15u, std::memory_order_relaxed);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (z ^ (z >> 31)) | 1;
}

}  // namespace

bool is_traceparent(std::string_view t) {
  return t.size() == kForm.size() && t.substr(0, kTrace) == "00-" && t[kSpan - 1] == '-' &&
         t[kFlags - 1] == '-' && is_id(t.substr(kTrace, kTraceDigits)) &&
         is_id(t.substr(kSpan, kSpanDigits)) && is_hex(t.substr(kFlags));
}

Trace begin_span(std::string_view traceparent, std::string_view tracestate) {
  const bool is_part = is_traceparent(traceparent);
  std::string text;
  text.reserve(kForm.size());
  if (is_part) {
    text = traceparent.substr(0, kSpan);
  } else {
    text = "00-";
    append_hex(text, random_id(), kTraceDigits / 2);
    append_hex(text, random_id(), kTraceDigits / 2);
    text += '-';
  }
  append_hex(text, random_id(), kSpanDigits);
  // Without a trace of the client's: not sampled. The gateway starts the trace without recording it
  // (3.2.2.5.1).
  text.append("-").append(is_part ? traceparent.substr(kFlags) : "00");
  const bool keeps_state = is_part && tracestate.size() <= kMostState;
  return {std::move(text), std::string(keeps_state ? tracestate : std::string_view())};
}

}  // namespace gatehouse::core
