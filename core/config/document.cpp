#include "core/config/document.h"

#include <nlohmann/json.hpp>

#include "core/config/defaults.h"
#include "core/config/schema.h"
#include "core/config/substitute.h"
#include "core/config/yaml.h"

namespace gatehouse::core {

std::optional<std::string> load_document(const std::filesystem::path& file, std::string_view schema,
                                         Problems& problems) {
  std::string error;
  const auto text = read_file(file, error);
  if (!text) {
    problems.add({file}, error);
    return std::nullopt;
  }
  const auto known = problems.size();
  Origins origins(file);
  const auto root = parse_yaml(*text, origins, problems);
  if (root) validate(nlohmann::json(*root), "", "the file", schema, origins, problems);
  if (problems.size() != known) return std::nullopt;
  return with_defaults(schema, root->dump());
}

}  // namespace gatehouse::core
