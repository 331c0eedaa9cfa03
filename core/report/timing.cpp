#include <charconv>
#include <chrono>
#include <string>

#include "core/pipeline/frame.h"

namespace gatehouse::core {
namespace {

/// In milliseconds, with three digits behind the point.
void append_ms(std::string& out, Clock::duration time) {
  const auto us = std::chrono::round<std::chrono::microseconds>(time).count();
  const auto digit = [](auto number) { return static_cast<char>('0' + number % 10); };
  char text[32];
  char* end = std::to_chars(text, text + sizeof text - 4, us / 1000).ptr;
  for (const char c : {'.', digit(us / 100), digit(us / 10), digit(us)}) *end++ = c;
  out.append(text, end);
}

}  // namespace

void Pipeline::timing(const Exchange& x, std::string& out) const {
  if (!x.frame) return;  // of the admin address
  auto spent = x.spent;
  auto until = Clock::now();
  for (const Frame* frame = x.frame; frame; frame = frame->outer) {
    spent[frame->index] += until - frame->began - frame->inside;
    until = frame->began;
  }
  out.reserve(32 * spent.size());
  for (std::size_t layer = 0; layer < spent.size(); ++layer) {
    if (spent[layer] == Clock::duration::zero()) continue;
    out.append(out.empty() ? "" : ", ").append(layers_[layer]->instance->name()).append(";dur=");
    append_ms(out, spent[layer]);
  }
}

}  // namespace gatehouse::core
