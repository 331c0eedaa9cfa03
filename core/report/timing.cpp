#include <chrono>
#include <iterator>
#include <string>

#include "core/pipeline/frame.h"

namespace gatehouse::core {
namespace {

constexpr std::string_view kSeparator = ", ";

/// "name;dur=1.250, ": in milliseconds, with three digits behind the point.
void append_entry(std::string& out, std::string_view name, Clock::duration time) {
  constexpr std::string_view kDuration = ";dur=";
  auto us = std::chrono::round<std::chrono::microseconds>(time).count();
  char text[32];
  char* const last = std::end(text) - kSeparator.size();
  char* first = last;
  for (int digits = 0; us > 0 || digits < 4; ++digits, us /= 10) {
    if (digits == 3) *--first = '.';
    *--first = static_cast<char>('0' + us % 10);
  }
  first -= kDuration.size();
  kDuration.copy(first, kDuration.size());
  kSeparator.copy(last, kSeparator.size());
  out.append(name).append(first, std::end(text));
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
    append_entry(out, layers_[layer]->instance->name(), spent[layer]);
  }
  if (!out.empty()) out.resize(out.size() - kSeparator.size());
}

}  // namespace gatehouse::core
