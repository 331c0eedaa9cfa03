#pragma once

#include <string>
#include <vector>

namespace gatehouse::core {

/// `gatehouse key new`: what the entry of the new key has.
struct NewKey {
  std::string name, owner, expires;
  std::vector<std::string> models, tools;
  std::string file;  ///< The entry is appended to this file; empty: it is printed.
};

/// Prints a new key, once, and the entry that accepts it, or appends the entry to the file.
int new_key(const NewKey& wanted);

}  // namespace gatehouse::core
