#include "core/commands/token.h"

#include <iostream>

#include "core/commands/secret.h"

namespace gatehouse::core {

int new_token(const std::string& name) {
  if (!is_name(name)) {
    std::cerr << "gatehouse: the name of a token has at most 64 characters: letters, digits, "
                 "dots, _ and -\n";
    return 1;
  }
  const std::string token = new_secret("ghk_");
  std::cout << token << "\n\n"
            << "This token is not shown again. Its owner sends it as `Authorization: Bearer "
               "TOKEN`.\n"
            << "The configuration has only its hash. Add this entry to the list of tokens of the\n"
               "plugin that checks them:\n\n"
            << "  - { name: \"" << (name.empty() ? "install" : name) << "\", sha256: \""
            << hash_of(token) << "\" }\n";
  return 0;
}

}  // namespace gatehouse::core
