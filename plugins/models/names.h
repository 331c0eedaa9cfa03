#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "target.h"

namespace gatehouse::plugins::models {

/// A model that clients may request.
struct Name {
  std::string text;  ///< With its `*`.
  std::vector<Choice> choices;
  Document defaults;  ///< Members of the chat document.

  /// The target's model for a request for `asked`, whose rest takes the place of a `*`.
  std::string model_of(const Target& target, View asked) const;
};

/// The models that clients may request, and where they lead. Immutable.
class Names {
 public:
  /// Reports mistakes in `names` to the host, and to whom each name leads.
  Names(Host host, Json config, Targets& targets);

  /// The name itself, or else the longest pattern that it fits. Null: unknown.
  const Name* find(View model) const;
  /// Those without a `*`, in the order of the configuration.
  const std::vector<View>& listed() const { return listed_; }
  /// "a, b, gpt-*"
  std::string list() const;

 private:
  std::vector<std::unique_ptr<const Name>> all_;  // in the order of the configuration
  std::map<View, const Name*> exact_;
  std::vector<const Name*> patterns_;  // the longest first
  std::vector<View> listed_;
};

}  // namespace gatehouse::plugins::models
