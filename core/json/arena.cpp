#include <algorithm>
#include <cstring>
#include <functional>

#include "core/json/node.h"

namespace gatehouse::core {

void* JsonArena::grow(std::size_t bytes) {
  // By half of what there is: large documents take few blocks, small ones waste little.
  constexpr std::size_t kSmallest = 1024, kLargest = 1024 * 1024;
  const std::size_t size = std::max(bytes, std::clamp(carved_ / 2, kSmallest, kLargest));
  carved_ += size;
  blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  free_ = blocks_.back().bytes.get() + bytes;
  left_ = size - bytes;
  return blocks_.back().bytes.get();
}

bool JsonArena::owns(std::string_view text) const {
  const auto is_in = [&](const char* from, std::size_t size) {
    return !std::less<>()(text.data(), from) && std::less<>()(text.data(), from + size);
  };
  return is_in(first_, sizeof first_) || is_in(text_.data(), text_.size()) ||
         std::any_of(texts_.begin(), texts_.end(),
                     [&](const auto& parsed) { return is_in(parsed.data(), parsed.size()); }) ||
         std::any_of(blocks_.begin(), blocks_.end(),
                     [&](const Block& b) { return is_in(b.bytes.get(), b.size); });
}

bool JsonArena::clear() {
  constexpr std::size_t kMost = 4096;  // of blocks and of the text, each
  if (blocks_.size() > 1 || carved_ > kMost || text_.capacity() > kMost) return false;
  text_.clear();
  texts_.clear();
  free_ = blocks_.empty() ? first_ : blocks_.front().bytes.get();
  left_ = blocks_.empty() ? sizeof first_ : blocks_.front().size;
  return true;
}

std::string_view JsonArena::copy(std::string_view text) {
  if (text.empty()) return "";
  char* const to = static_cast<char*>(allocate(text.size()));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

}  // namespace gatehouse::core
