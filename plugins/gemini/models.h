#pragma once

#include <atomic>
#include <chrono>
#include <deque>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// What Gemini makes of the requests to one model, or to all whose names begin alike: models.json
/// has the values.
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
  bool include_thoughts = true;  ///< It shows its thoughts when asked.
  Signature signature =
      Signature::optional;      ///< dummy: a call without one is refused; strip: one is refused.
  bool sampling = true;         ///< It heeds temperature, topP and topK.
  bool last_turn_model = true;  ///< A conversation may end with its own words.
  bool system_instruction = true;
  bool documents = true;  ///< It reads other files than images.
  bool functions = true;
  bool response_parts = false;        ///< The result of a function may have files.
  bool response_schema = true;        ///< It answers JSON when asked.
  bool schema_with_functions = true;  ///< … beside functions.
  bool search = true;                 ///< Google runs tools for it.
  bool search_with_functions = true;  ///< … beside functions.
  bool continuation = false;          ///< It answers more than max_output_tokens in several calls.
  std::int64_t max_output_tokens = 65536;  ///< Of one call.
  std::chrono::milliseconds first_byte{
      0};                               ///< Longest time until it answers; 0: that of the settings.
  std::vector<std::string> modalities;  ///< Of the answer, unless somebody asks for others.
  std::optional<Days> ends;             ///< The day on which Google ends it.
  bool gone = false;                    ///< Google has ended it.
  std::string successor;                ///< What Google names in its place.
};

/// The models that the gateway knows. Any thread.
class Models {
 public:
  /// `file` is the operator's own models.json; empty: the one that was built in. Tells the host
  /// what is wrong with it.
  Models(Host host, View file);

  /// That with the longest name that `name` begins with.
  const Model& find(View name) const { return find_entry(name).rules(name, image_names_); }
  /// `asked`, or its successor when it is gone. Lives as long as `asked` and this.
  View name_to_ask(View asked) const;
  /// Gemini says that it no longer has this model: from now on its successor is asked. True if
  /// there is one.
  bool note_gone(View name);
  /// "ends on 2026-12-01; its successor is gemini-3.8-flash" for a model that ends within 90 days
  /// of `wall`, else empty.
  std::string ending(View name, std::chrono::nanoseconds wall) const;

 private:
  struct Entry {
    Model model, image;                     // image: of those names that say that the model draws
    mutable std::atomic<bool> gone{false};  // told by Gemini

    const Model& rules(View name, const std::vector<std::string>& image_names) const;
  };

  const Entry& find_entry(View name) const;
  void read(Json root);

  std::deque<Entry> entries_;  // the longest names first; the last one is ""
  std::vector<std::string> image_names_;
};

}  // namespace gatehouse::plugins::gemini
