#include "queue.h"

#include <utility>

namespace gatehouse::plugins::traces {

Queue::Pushed Queue::push(std::string span) {
  const std::lock_guard lock(mutex_);
  bytes_ += span.size();
  spans_.push_back(std::move(span));
  std::size_t dropped = 0;
  for (; spans_.size() > kMaxSpans || bytes_ > kMaxBytes; ++dropped) {
    bytes_ -= spans_.front().size();
    spans_.pop_front();
  }
  return {dropped, spans_.size() == kBatch};
}

std::vector<std::string> Queue::take() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> batch;
  for (; !spans_.empty() && batch.size() < kBatch; spans_.pop_front()) {
    bytes_ -= spans_.front().size();
    batch.push_back(std::move(spans_.front()));
  }
  return batch;
}

}  // namespace gatehouse::plugins::traces
