#include <algorithm>
#include <cstring>
#include <functional>

#include "core/json/node.h"

namespace gatehouse::core {

void* JsonArena::allocate(std::size_t bytes) {
  constexpr std::size_t kSmallest = 512, kLargest = 1024 * 1024;
  bytes = (bytes + 7) & ~std::size_t{7};
  if (bytes > left_) {
    // By half of what there is: large documents take few blocks, small ones waste little.
    const std::size_t size = std::max(bytes, std::clamp(carved_ / 2, kSmallest, kLargest));
    carved_ += size;
    blocks_.push_back({std::unique_ptr<std::uint8_t[]>(new std::uint8_t[size]), size});
    free_ = blocks_.back().bytes.get();
    left_ = size;
  }
  void* const out = free_;
  free_ += bytes;
  left_ -= bytes;
  return out;
}

bool JsonArena::owns(std::string_view text) const {
  const auto* const at = reinterpret_cast<const std::uint8_t*>(text.data());
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& b) {
    return !std::less<>()(at, b.bytes.get()) && std::less<>()(at, b.bytes.get() + b.size);
  });
}

gh_json* JsonArena::make() {
  auto* const node = static_cast<gh_json*>(allocate(sizeof(gh_json)));
  *node = gh_json{};
  node->arena = this;
  return node;
}

std::string_view JsonArena::copy(std::string_view text) {
  if (text.empty()) return "";
  char* const to = static_cast<char*>(allocate(text.size()));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

}  // namespace gatehouse::core
