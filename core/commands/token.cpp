#include "core/commands/token.h"

#include <openssl/sha.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <system_error>

#include "gatehouse/plugin.hpp"

namespace gatehouse::core {

int new_token(const std::string& name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";  // by its schema
  if (name.size() > 64 || name.find_first_not_of(kAllowed) != std::string::npos) {
    std::cerr << "gatehouse: the name of a token is at most 64 letters, digits, dots, _ or -\n";
    return 1;
  }
  Digest random;  // 256 bits
  if (::getentropy(random.data(), random.size()) != 0)
    throw std::system_error(errno, std::generic_category(), "no random numbers");
  const std::string token = "ghk_" + hex(random);
  Digest hash;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  std::cout << token
            << "\n\nThis is the only time it is shown: give it to the install, which sends it as "
               "`Authorization: Bearer TOKEN`.\n"
            << "The gateway needs its hash only, under `tokens` of extension-auth:\n\n"
            << "  - { name: \"" << (name.empty() ? "install" : name) << "\", sha256: \""
            << hex(hash) << "\" }\n";
  return 0;
}

}  // namespace gatehouse::core
