#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "key.h"

namespace gatehouse::plugins::keys {

/// Compares all bytes, wherever two digests differ first.
struct SameDigest {
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    unsigned difference = 0;
    for (std::size_t i = 0; i < std::tuple_size_v<Digest>; ++i) difference |= unsigned(a[i] ^ b[i]);
    return difference == 0;
  }
};

/// The first bytes of a SHA-256 are as good as any hash of them.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const {
    std::size_t first = 0;
    std::memcpy(&first, digest.data(), sizeof first);
    return first;
  }
};

/// The keys that the gateway accepts, by their digests. Read by many threads at once.
class KeySet {
 public:
  /// Adds the entries of a list in the configuration; reports to the host what is wrong.
  void add_list(Host host, Json entries);
  /// Adds the entries of a file: JSON objects, one in each line; empty lines and those that begin
  /// with `#` are skipped. `problems` gets one line for each that is wrong, 20 at most.
  void add_lines(View file, View content, std::vector<std::string>& problems);

  /// Null: there is none.
  const Key* find(const Digest& sha256) const;
  std::size_t size() const { return keys_.size(); }

 private:
  bool add(Json entry, EntryProblem& problem);

  std::unordered_map<Digest, Key, DigestHash, SameDigest> keys_;
};

}  // namespace gatehouse::plugins::keys
