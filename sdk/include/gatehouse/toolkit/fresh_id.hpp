/// Ids for what a provider has named none for, such as tool calls.
#pragma once

#include <algorithm>
#include <random>
#include <string>

#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

/// 16 characters of 62 are 95 bits: two ids of a conversation are never the same. Any thread.
inline std::string fresh_id() {
  static thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  static constexpr View kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::uniform_int_distribution<std::size_t> index(0, kAlphabet.size() - 1);
  std::string id(16, '\0');
  std::generate(id.begin(), id.end(), [&] { return kAlphabet[index(random)]; });
  return id;
}

}  // namespace v1
}  // namespace gatehouse
