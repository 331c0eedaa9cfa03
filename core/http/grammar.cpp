#include "core/http/grammar.h"

#include <algorithm>
#include <array>

namespace gatehouse::core {
namespace {

/// Whether each character may occur.
using CharSet = std::array<bool, 256>;

/// RFC 9110 5.6.2.
constexpr CharSet kTokenChars = [] {
  CharSet set{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"))
    set[static_cast<unsigned char>(c)] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) set[c] = set[c - 'a' + 'A'] = true;
  return set;
}();

constexpr CharSet kValueChars = [] {
  CharSet set{};
  for (std::size_t c = 0x20; c < set.size(); ++c) set[c] = c != 0x7f;
  set['\t'] = true;
  return set;
}();

bool consists_of(const CharSet& set, std::string_view text) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) { return set[c]; });
}

}  // namespace

bool is_token(std::string_view text) { return !text.empty() && consists_of(kTokenChars, text); }

bool is_field_value(std::string_view text) { return consists_of(kValueChars, text); }

}  // namespace gatehouse::core
