/// JSON texts: what is accepted is written again as it was meant, judged by another parser.
#include "core/json/json.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::core;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  JsonArena arena;
  std::string_view error;
  const gh_json* node = arena.parse(std::string(text), error);
  if (!node) {
    require(!error.empty(), "a refusal says why");
    return 0;
  }
  std::string written;
  dump(node, written);
  const auto read_back = nlohmann::json::parse(written, nullptr, false);
  require(!read_back.is_discarded(), "what is written is JSON");
  // It refuses lone surrogates, which we replace.
  const auto original = nlohmann::json::parse(text, nullptr, false);
  require(original.is_discarded() || original == read_back, "what is written means what was read");

  require(arena.parse(written, error), "what is written can be read");
  return 0;
}
