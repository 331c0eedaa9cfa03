#include <charconv>
#include <chrono>
#include <string>

#include "core/pipeline/frame.h"

namespace gatehouse::core {
namespace {

/// In milliseconds, with three digits behind the point.
void append_ms(std::string& out, Clock::duration time) {
  const auto us = std::chrono::round<std::chrono::microseconds>(time).count();
  char text[32];
  char* const point = std::to_chars(text, text + sizeof text, us / 1000).ptr;
  char* const end = std::to_chars(point, text + sizeof text, 1000 + us % 1000).ptr;
  *point = '.';  // in place of the 1 that keeps the zeros behind it
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
    if (!out.empty()) out.append(", ");
    out.append(layers_[layer]->instance->name()).append(";dur=");
    append_ms(out, spent[layer]);
  }
}

}  // namespace gatehouse::core
