/// The API insists on an order: user and assistant by turns, the user first; in a turn of the
/// assistant calls after all texts between two thoughts; the results of all its calls first in the
/// turn that follows.
#include "turns.h"

#include <map>

namespace gatehouse::plugins::anthropic {
namespace {

/// Reasoning without Anthropic's own signature would be rejected: of a response that broke off, or
/// of another provider.
std::optional<Block> reasoning_block(Json part) {
  const Json own = part["metadata"]["anthropic"];
  if (!own["signature"].str().empty()) return Block{Block::thinking, part};
  if (!own["redactedData"].str().empty()) return Block{Block::redacted, part};
  return std::nullopt;
}

class Turns {
 public:
  std::vector<Turn> of(Json chat, const Model& model) {
    for_each_turn(
        chat, [this](Json message) { add_user(message["content"]); },
        [this](Json message, const CallResults& calls) { add_step(message["content"], calls); });
    if (turns_.empty() || turns_.front().role != "user")
      turns_.insert(turns_.begin(), Turn{"user", {{Block::go_on}}});
    if (turns_.back().role == "assistant" && !model.prefill) add("user", {Block::go_on});
    return std::move(turns_);
  }

 private:
  /// Neighbours of one role are one turn.
  void add(View role, Block block) {
    if (turns_.empty() || turns_.back().role != role) turns_.push_back({role, {}});
    turns_.back().blocks.push_back(block);
  }

  void add_user(Json content) {
    for (const Json part : content) {
      if (part["type"].str() == "file") add("user", {Block::file, part});
      if (part["type"].str() == "text" && !is_blank(part["text"].str()))
        add("user", {Block::text, part});
    }
  }

  void add_step(Json content, const CallResults& calls) {
    std::vector<Block> stretch;
    for (const auto& [call, result] : calls) {
      // Anthropic's own are unique, and stay as they came.
      if (call["id"].str().substr(0, 6) == "toolu_") continue;
      repetitions_[call.raw()] = calls_of_id_[call["id"].str()]++;
    }
    for (const Json part : content) {
      const View type = part["type"].str();
      if (type == "text" && !is_blank(part["text"].str())) add("assistant", {Block::text, part});
      if (is_call(part) && result_of(calls, part))
        stretch.push_back({Block::call, part, false, repetitions_[part.raw()]});
      const auto thought = type == "reasoning" ? reasoning_block(part) : std::nullopt;
      if (!thought) continue;
      flush(stretch);
      add("assistant", *thought);
    }
    flush(stretch);
    for (const auto& [call, result] : calls)
      add("user", {Block::result, result, false, repetitions_[call.raw()]});
  }
  void flush(std::vector<Block>& calls) {
    for (const Block& call : calls) add("assistant", call);
    calls.clear();
  }

  std::vector<Turn> turns_;
  std::map<View, std::size_t> calls_of_id_;
  std::map<const gh_json*, std::size_t> repetitions_;  // by call
};

}  // namespace

std::vector<Turn> turns_of(Json chat, const Model& model) { return Turns().of(chat, model); }

}  // namespace gatehouse::plugins::anthropic
