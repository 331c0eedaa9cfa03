#include "core/commands/token.h"

#include <openssl/sha.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <system_error>

#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

/// The configuration is YAML, where such a name means itself between quotation marks.
bool is_name(const std::string& name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return name.size() <= 64 && name.find_first_not_of(kAllowed) == std::string::npos;
}

std::string random_token() {
  Digest random;  // 256 bits
  if (::getentropy(random.data(), random.size()) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot get random numbers");
  return "ghk_" + hex(random);
}

std::string hash_of(const std::string& token) {
  Digest hash;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hex(hash);
}

}  // namespace

int new_token(const std::string& name) {
  if (!is_name(name)) {
    std::cerr << "gatehouse: the name of a token has at most 64 characters: letters, digits, "
                 "dots, _ and -\n";
    return 1;
  }
  const std::string token = random_token();
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
