#include "meter.h"

#include <algorithm>
#include <cmath>

namespace gatehouse::plugins::budget {
namespace {

// Of UTF-8 text: what OpenAI and Google state for English. Other languages have fewer bytes per
// token in part, and code too, but JSON around the texts counts as well.
constexpr std::int64_t kBytesPerToken = 4;
// An image of a megapixel has 1300 tokens for Anthropic (width * height / 750), 765 for OpenAI and
// 258 for Gemini; its base64 would be estimated at some 100000.
constexpr std::int64_t kFileBytes = 1000 * kBytesPerToken;

std::int64_t size_of(View text) { return static_cast<std::int64_t>(text.size()); }

/// The bytes that a model reads of a value.
std::int64_t bytes_of(Json value) {
  if (value.is_string()) return size_of(value.str());
  if (value["media_type"]) return kFileBytes;
  std::int64_t sum = 0;
  if (value.is_array()) {
    for (const Json element : value) sum += bytes_of(element);
  }
  for (const auto [name, member] : value.members()) {
    if (name != "metadata") sum += size_of(name) + bytes_of(member);
  }
  return sum;
}

std::int64_t tokens_of(std::int64_t bytes) { return (bytes + kBytesPerToken - 1) / kBytesPerToken; }

}  // namespace

std::int64_t Price::micro_usd(std::int64_t input_tokens, std::int64_t output_tokens) const {
  return static_cast<std::int64_t>(std::ceil(input * static_cast<double>(input_tokens) +
                                             output * static_cast<double>(output_tokens)));
}

std::int64_t estimate_input(Json chat) {
  std::int64_t bytes = 0;
  for (const View member : {"system", "messages", "tools", "response_format"})
    bytes += bytes_of(chat[member]);
  return tokens_of(bytes);
}

Status Meter::emit(Event e) {
  switch (e.kind()) {
    case GH_EV_STEP_START:
      end_step(false);
      has_begun_ = true;
      // While a model is called the document has its price.
      if (const Json price = x_.chat()["price"])
        price_ = Price{price["input"].real(), price["output"].real()};
      break;
    case GH_EV_TEXT:
    case GH_EV_REASONING: bytes_ += size_of(e.text()); break;
    case GH_EV_TOOL_INPUT_DELTA:
      bytes_ += size_of(e.text());
      is_call_counted_ = true;
      break;
    case GH_EV_TOOL_CALL:
      if (!is_call_counted_) bytes_ += bytes_of(e.json());
      is_call_counted_ = false;
      break;
    case GH_EV_FILE: bytes_ += kFileBytes; break;
    case GH_EV_USAGE: usage_ = TokenCounts(e.json()); break;
    case GH_EV_STEP_FINISH: has_finished_ = true; break;
  }
  return out_.emit(e);
}

void Meter::end(const Status& status) { end_step(bool(status.failure())); }

/// A step that has failed without any output costs what the provider has reported, if anything.
void Meter::end_step(bool is_failure) {
  const auto in = usage_["input_tokens"], out = usage_["output_tokens"];
  const bool is_free = !has_begun_ || (is_failure && bytes_ == 0);
  const std::int64_t seen = tokens_of(bytes_);
  const std::int64_t input = in.value_or(is_free ? 0 : input_);
  // What was reported before the step has finished is what it had produced then, or less.
  const bool is_whole = out && has_finished_;
  const std::int64_t output = is_whole ? *out : std::max(seen, out.value_or(0));
  const std::int64_t new_input = input - in.value_or(0), new_output = output - out.value_or(0);
  if (new_input + new_output > 0) {
    has_estimated_ = true;
    estimated_micro_usd_ += price_.value_or(Price()).micro_usd(new_input, new_output);
  }
  tokens_ += input + output;
  has_produced_ = has_produced_ || !is_free || input + output > 0;
  has_begun_ = has_finished_ = is_call_counted_ = false;
  usage_ = {};
  bytes_ = 0;
}

}  // namespace gatehouse::plugins::budget
