#include "fresh_id.h"

#include <algorithm>
#include <random>
#include <string_view>

namespace gatehouse::plugins::gemini {

std::string fresh_id() {
  static thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  static constexpr std::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::uniform_int_distribution<std::size_t> index(0, kAlphabet.size() - 1);
  std::string id(16, '\0');
  std::generate(id.begin(), id.end(), [&] { return kAlphabet[index(random)]; });
  return id;
}

}  // namespace gatehouse::plugins::gemini
