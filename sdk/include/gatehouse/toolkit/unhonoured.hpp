/// Rule 2 of the chat document (sdk/README.md), for providers: nothing is ignored silently.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/event.hpp"
#include "gatehouse/events.hpp"
#include "gatehouse/json.hpp"
#include "gatehouse/status.hpp"

namespace gatehouse {
inline namespace v1 {

/// The members of a chat document that a provider cannot honour. Views the document.
class Unhonoured {
 public:
  /// `honoured`: the members about the response that the provider reads, which it may add() later.
  /// Members that it does not know are added at once.
  Unhonoured(Json chat, std::initializer_list<View> honoured) : must_(chat["must"]) {
    // Those that are no settings of the response, or that other plugins honour.
    static constexpr View kContent[] = {"model",    "provider",      "system",       "messages",
                                        "tools",    "backend_tools", "hidden_tools", "limits",
                                        "workflow", "accepts",       "options",      "must"};
    const auto has = [](const auto& names, View name) {
      return std::find(std::begin(names), std::end(names), name) != std::end(names);
    };
    for (const auto [name, value] : chat.members()) {
      if (!has(kContent, name) && !has(honoured, name)) add(name, "it is unknown to this provider");
    }
  }

  /// `why`: what is not honoured and what happens instead, as the end of a sentence.
  void add(View member, View why) {
    std::string sentence("`");
    sentence.append(member).append("` is not honoured: ").append(why).append(".");
    members_.emplace_back(member, std::move(sentence));
  }

  /// Fails when `must` names one of them.
  Status check() const {
    for (const Json name : must_) {
      for (const auto& [member, sentence] : members_) {
        if (member == name.str()) return Fail{400, "unsupported_parameter", sentence, {}};
      }
    }
    return {};
  }
  /// Emits a warning for each.
  Status warn(Sink& out) const {
    for (const auto& [member, sentence] : members_) {
      if (Status s = out.emit(event::warning(member, sentence)); !s) return s;
    }
    return {};
  }

 private:
  Json must_;
  std::vector<std::pair<View, std::string>> members_;  // with a sentence about each
};

}  // namespace v1
}  // namespace gatehouse
