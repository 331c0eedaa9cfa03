#include "core/commands/secret.h"

#include <openssl/sha.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "gatehouse/text.hpp"

namespace gatehouse::core {

std::string new_secret(const char* prefix) {
  Digest random;
  if (::getentropy(random.data(), random.size()) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot get random numbers");
  return prefix + hex(random);
}

std::string hash_of(const std::string& secret) {
  Digest hash;
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), hash.data());
  return hex(hash);
}

bool is_name(const std::string& text, const std::string& more) {
  const std::string allowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-" + more;
  return text.size() <= 64 && text.find_first_not_of(allowed) == std::string::npos;
}

}  // namespace gatehouse::core
