#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include "core/pipeline/frame.h"

namespace gatehouse::core {
namespace {

constexpr std::string_view kDuration = ";dur=", kSeparator = ", ";
constexpr std::size_t kMostDigits = 24;

char* put(char* to, std::string_view text) {
  return static_cast<char*>(std::memcpy(to, text.data(), text.size())) + text.size();
}

/// In milliseconds, with three digits behind the point. Returns the end.
char* put_ms(char* to, Clock::duration time) {
  time = std::max(time, Clock::duration::zero());
  auto us = static_cast<std::uint64_t>(std::chrono::round<std::chrono::microseconds>(time).count());
  int digits = 4;
  for (std::uint64_t power = 10'000; power <= us; power *= 10) ++digits;
  char* const end = to + digits + 1;
  for (char* at = end; at > to; us /= 10) {
    if (at == end - 3) *--at = '.';
    *--at = static_cast<char>('0' + us % 10);
  }
  return end;
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
  const auto name = [this](std::size_t layer) -> std::string_view {
    return layers_[layer]->instance->name();
  };
  std::size_t most = 0;
  for (std::size_t layer = 0; layer < spent.size(); ++layer)
    most += name(layer).size() + kDuration.size() + kMostDigits + kSeparator.size();
  out.resize(most);
  char* to = out.data();
  for (std::size_t layer = 0; layer < spent.size(); ++layer) {
    if (spent[layer] == Clock::duration::zero()) continue;
    if (to != out.data()) to = put(to, kSeparator);
    to = put_ms(put(put(to, name(layer)), kDuration), spent[layer]);
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

}  // namespace gatehouse::core
