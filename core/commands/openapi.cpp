#include "core/commands/openapi.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/commands/built.h"

namespace gatehouse::core {

int print_openapi(const std::string& config_file) {
  const Built built(config_file);
  std::cerr << built.problems;
  if (!built.pipeline) return 1;
  std::string document;
  built.pipeline->openapi(document);
  std::cout << to_text(nlohmann::ordered_json::parse(document), 2) << '\n';
  return 0;
}

}  // namespace gatehouse::core
