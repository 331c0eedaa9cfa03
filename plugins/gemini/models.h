#pragma once

#include <atomic>
#include <chrono>
#include <deque>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// What requests to one model, or to all whose names begin alike, may have: models.json has the
/// values.
struct Model {
  enum class Thinking { none, budget, levels };
  enum class Signature { optional, dummy, strip };
  using Days = std::chrono::sys_days;

  std::string name;  ///< Or what the names begin with.
  Thinking thinking = Thinking::levels;
  std::vector<std::string> levels;  ///< Of thinking, the lowest first.
  std::int64_t least_budget = 0;    ///< Of thinking, in tokens.
  std::int64_t most_budget = 0;
  bool off = true;               ///< Thinking with a budget can be turned off.
  bool include_thoughts = true;  ///< It returns its thoughts on request.
  /// dummy: a call without one is rejected; strip: a call with one is rejected.
  Signature signature = Signature::optional;
  bool sampling = true;         ///< It honours temperature, topP and topK.
  bool penalties = false;       ///< It accepts presencePenalty and frequencyPenalty.
  bool last_turn_model = true;  ///< A conversation may end with a turn of the model.
  bool system_instruction = true;
  bool documents = true;  ///< It reads other files than images.
  bool functions = true;
  bool response_parts = false;        ///< The result of a function may have files.
  bool response_schema = true;        ///< It can be held to JSON.
  bool schema_with_functions = true;  ///< … beside functions.
  bool search = true;                 ///< Google runs tools for it.
  bool search_with_functions = true;  ///< … beside functions.
  bool continuation = false;  ///< It responds with more than max_output_tokens in several calls.
  std::int64_t max_output_tokens = 65536;  ///< Of one call.
  /// Longest time until the first byte; 0: that of the settings.
  std::chrono::milliseconds first_byte{0};
  std::vector<std::string> modalities;  ///< Of the response, unless the chat names others.
  std::optional<Days> ends;             ///< The day on which Google shuts it down.
  std::string ends_on;                  ///< The same as text.
  bool gone = false;                    ///< Google has shut it down.
  std::string successor;                ///< The one that Google recommends in its place.
};

/// The models that the gateway knows. Any thread.
class Models {
 public:
  /// `file` is the operator's own models.json; empty: the one that was built in. Reports what is
  /// wrong with it.
  Models(Host host, View file);

  /// That with the longest name that `name` begins with.
  const Model& find(View name) const { return find_entry(name).rules(name, image_names_); }
  /// `requested`, or its successor when it is gone. Lives as long as `requested` and this.
  View current(View requested) const;
  /// Gemini reports that it no longer has this model: from now on its successor is used. True if
  /// there is one.
  bool note_gone(View name);
  /// "ends on 2026-12-01; its successor is gemini-3.8-flash" for a model that ends within 90 days
  /// of `wall`, else empty.
  std::string ending(View name, std::chrono::nanoseconds wall) const;

 private:
  struct Entry {
    Model model, image;                     // image: for names of models that draw
    mutable std::atomic<bool> gone{false};  // as Gemini has reported

    const Model& rules(View name, const std::vector<std::string>& image_names) const;
  };

  const Entry& find_entry(View name) const;
  void read(Json root);

  std::deque<Entry> entries_;  // the longest names first; the last one is ""
  std::vector<std::string> image_names_;
};

}  // namespace gatehouse::plugins::gemini
