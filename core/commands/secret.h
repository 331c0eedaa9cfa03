#pragma once

#include <string>

namespace gatehouse::core {

/// A new credential: 256 random bits in hexadecimal digits, after a prefix by which people and
/// scanners recognize it.
std::string new_secret(const char* prefix);
/// The SHA-256 that the configuration has in its place, in hexadecimal digits.
std::string hash_of(const std::string& secret);
/// At most 64 letters, digits, dots, _, - and characters of `more`.
bool is_name(const std::string& text, const std::string& more = {});

}  // namespace gatehouse::core
