/// Canonical JSON: another spelling of the same value has the same text.
#include "../../plugins/mcp/canonical_json.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/json/json.h"
#include "require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gatehouse::plugins::mcp::canonical_json;
  gatehouse::detail::json = &gatehouse::core::json_api();
  auto document = gatehouse::Document::parse({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  const std::string canonical = canonical_json(document->root());

  auto again = gatehouse::Document::parse(canonical);
  require(bool(again), "the text is JSON");
  require(canonical_json(again->root()) == canonical, "what it means has the same text");

  // Another parser and writer: other spellings of numbers and escapes.
  const auto other = nlohmann::ordered_json::parse(document->root().dump(), nullptr, false);
  require(!other.is_discarded(), "the document can be read");
  auto rewritten = gatehouse::Document::parse(other.dump(1, '\t', true));
  require(bool(rewritten) && canonical_json(rewritten->root()) == canonical,
          "its spelling does not matter");
  return 0;
}
