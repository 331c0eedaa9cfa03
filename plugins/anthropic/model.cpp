#include "model.h"

#include <algorithm>

namespace gatehouse::plugins::anthropic {
namespace {

// https://platform.claude.com/docs/en/about-claude/models/overview, and the capabilities in
// @ai-sdk/anthropic 2.0.112. "`temperature` and `top_p` cannot both be specified for this model" is
// the error since Opus 4.1. The first match counts; vendors put words in front of the names.
constexpr Model kModels[] = {
    {"claude-3-7-", 64'000, Model::budget, Model::all, true},
    {"claude-3-5-", 8'192, Model::none, Model::all, true},
    {"claude-3-", 4'096, Model::none, Model::all, true},
    {"claude-opus-4-5", 64'000, Model::budget, Model::one_of_two, true},
    {"claude-sonnet-4-5", 64'000, Model::budget, Model::one_of_two, true},
    {"claude-haiku-4-5", 64'000, Model::budget, Model::one_of_two, true},
    {"claude-opus-4-6", 128'000, Model::adaptive, Model::one_of_two, false},
    {"claude-sonnet-4-6", 128'000, Model::adaptive, Model::one_of_two, false},
    {"claude-opus-4-7", 128'000, Model::adaptive, Model::no_sampling, false},
    {"claude-opus-4-8", 128'000, Model::adaptive, Model::no_sampling, false},
    {"claude-opus-4-", 32'000, Model::budget, Model::one_of_two, true},
    {"claude-sonnet-4-", 64'000, Model::budget, Model::one_of_two, true},
    {"claude-", 128'000, Model::adaptive, Model::no_sampling, false},  // those to come
    {"", 0, Model::budget, Model::all, true},                          // of compatible servers
};

}  // namespace

const Model& find_model(View name) {
  return *std::find_if(std::begin(kModels), std::end(kModels),
                       [name](const Model& m) { return name.find(m.part) != View::npos; });
}

}  // namespace gatehouse::plugins::anthropic
