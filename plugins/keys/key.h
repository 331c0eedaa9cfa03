#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::keys {

/// What the holder of a key may do. Immutable.
struct Rights {
  using Patterns = std::vector<std::string>;  ///< In which `*` stands for any characters.

  std::optional<Patterns> models, tools;  ///< Absent: all.
  std::vector<std::string> default_tools;
  std::string limits;  ///< As JSON text; empty: none.
};

/// A key as the gateway knows it. Immutable.
struct Key {
  std::string name, owner;
  std::chrono::seconds expires = std::chrono::seconds::max();  ///< Since 1970.
  std::shared_ptr<const Rights> rights;                        ///< Null: all models and tools.

  View tenant() const { return owner.empty() ? name : owner; }
};

/// A line of a file, or an element of the list in the configuration.
struct Entry {
  Digest sha256{};  ///< Of what callers send.
  Key key;
};

/// What is wrong with an entry, and where in it.
struct EntryProblem {
  std::string member;  ///< Empty: the entry itself.
  std::string text;    ///< Has no value of a secret.
};

/// Nothing: see `problem`.
std::optional<Entry> read_entry(Json entry, EntryProblem& problem);

/// Writes into the chat document what the key allows, or fails for a model that it does not.
Status apply(const Rights& rights, MutableJson chat);

}  // namespace gatehouse::plugins::keys
