#pragma once

#include "gatehouse/json.hpp"

namespace gatehouse::plugins::anthropic {

/// What requests for a model may have.
struct Model {
  enum Thinking {
    none,
    budget,    ///< `enabled` with a number of tokens.
    adaptive,  ///< The model decides how much, by the effort.
  };

  /// What it takes of temperature, top_p and top_k.
  enum Sampling {
    no_sampling,
    one_of_two,  ///< Temperature or top_p.
    all,
  };

  View part;                       ///< Of its name.
  std::int64_t max_output_tokens;  ///< 0: unknown.
  Thinking thinking;
  Sampling sampling;
  bool prefill;  ///< The conversation may end with a text of the model.
};

const Model& find_model(View name);

}  // namespace gatehouse::plugins::anthropic
