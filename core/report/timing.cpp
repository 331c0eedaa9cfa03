#include <chrono>
#include <cstdio>
#include <string>

#include "core/pipeline/frame.h"

namespace gatehouse::core {

void Pipeline::timing(const Exchange& x, std::string& out) const {
  if (!x.frame) return;  // of the admin address
  auto spent = x.spent;
  auto until = Clock::now();
  for (const Frame* frame = x.frame; frame; frame = frame->outer) {
    spent[frame->index] += until - frame->began - frame->inside;
    until = frame->began;
  }
  for (std::size_t layer = 0; layer < spent.size(); ++layer) {
    if (spent[layer] == Clock::duration::zero()) continue;
    char entry[96];
    const double ms = std::chrono::duration<double, std::milli>(spent[layer]).count();
    std::snprintf(entry, sizeof entry, "%s%s;dur=%.3f", out.empty() ? "" : ", ",
                  layers_[layer]->instance->name().c_str(), ms);
    out += entry;
  }
}

}  // namespace gatehouse::core
