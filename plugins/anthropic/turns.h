#pragma once

#include <vector>

#include "gatehouse/toolkit/provider.hpp"
#include "model.h"

namespace gatehouse::plugins::anthropic {

/// A content block to be written, as a view of the chat document.
struct Block {
  enum Kind { text, file, thinking, redacted, call, result, go_on };
  Kind kind;
  Json part{};
  bool has_cache_mark = false;
  /// Of a call or a result: so many calls before have the same id, which the API rejects.
  std::size_t repetition = 0;
};

struct Turn {
  View role;
  std::vector<Block> blocks;
};

/// The turns that the conversation becomes, in the order that the API accepts.
std::vector<Turn> turns_of(Json chat, const Model& model);

}  // namespace gatehouse::plugins::anthropic
