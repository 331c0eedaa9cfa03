/// A file beside the configuration, such as that of the workflows.
#include "core/config/document.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "require.h"

namespace gatehouse::core {
namespace {

constexpr auto kSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["workflows"],
  "properties": {
    "workflows": {
      "type": "object",
      "propertyNames": {"pattern": "^[A-Za-z0-9_.-]{1,64}$"},
      "additionalProperties": {
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "systemPrompt"],
        "properties": {
          "name": {"type": "string", "minLength": 1},
          "systemPrompt": {"type": "string", "minLength": 1, "x-secret": true},
          "allowedTools": {"type": "array", "items": {"type": "string", "minLength": 1}},
          "temperature": {"type": "number", "minimum": 0, "maximum": 2},
          "maxTokens": {"type": "integer", "minimum": 1, "maximum": 65536}
        }
      }
    }
  }
})";

std::optional<std::string> load(std::string_view text) {
  static const int kFile = ::memfd_create("document", MFD_CLOEXEC);
  static const std::string kPath = "/proc/self/fd/" + std::to_string(kFile);
  require(::ftruncate(kFile, 0) == 0 &&
              ::pwrite(kFile, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
          "a file can be written");
  Problems problems;
  auto root = load_document(kPath, kSchema, problems);
  const auto told = problems.sorted();
  require(root.has_value() == told.empty(), "a refusal says why");
  for (const Problem& problem : told) require(!problem.text.empty(), "a problem is told");
  return root;
}

}  // namespace
}  // namespace gatehouse::core

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::core;
  const auto root = load({reinterpret_cast<const char*>(data), size});
  if (!root) return 0;
  require(nlohmann::json::accept(*root), "a plugin gets JSON");
  if (root->find('\x7f') != root->npos)
    return 0;  // a control character: it can be meant by an escape of YAML, but no file has it
  require(load(*root) == root, "the same in JSON means the same");
  return 0;
}
