#include <cstdint>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/chat_parts.hpp"
#include "gatehouse/toolkit/unhonoured.hpp"
#include "schema.h"  // made from schema.json: GATEHOUSE_SCHEMA

namespace echo_model {

using namespace gatehouse;

/// Responds to each chat with the text of its last user message.
class EchoModel final : public Plugin {
 public:
  EchoModel(Host, Json config) : prefix_(config["prefix"].str()) {}

  Status handle(Exchange& x, Sink& out, Next&) override {
    const Json chat = x.chat();
    // What this provider cannot honour is rejected, or reported as a warning: never ignored.
    const Unhonoured unhonoured(chat, {"temperature", "max_output_tokens"});
    if (Status s = unhonoured.check(); !s) return s;
    if (Status s = check_parts(chat); !s) return s;

    if (Status s = unhonoured.warn(out); !s) return s;
    if (Status s = out.emit(event::step_start()); !s) return s;
    if (Status s = speak(out, prefix_ + last_text(chat)); !s) return s;
    return out.emit(event::step_finish("stop"));
  }

 private:
  static Status check_parts(Json chat) {
    return for_each_part(chat, [](Json part, const PartPlace& place) -> Status {
      if (part["type"].str() != "file") return {};
      return Fail{400, "unsupported", place.text() + " is a file: send text only.", {}};
    });
  }
  static std::string last_text(Json chat) {
    std::string text;
    for (const Json message : chat["messages"]) {
      if (message["role"].str() != "user") continue;
      text.clear();
      for (const Json part : message["content"]) text += part["text"].str();
    }
    return text;
  }
  /// Word by word, as a model does.
  static Status speak(Sink& out, View text) {
    while (!text.empty()) {
      const View word = text.substr(0, text.find(' ', 1));
      if (Status s = out.emit(event::text(word)); !s) return s;  // the client may have gone
      text.remove_prefix(word.size());
    }
    return {};
  }

  const std::string prefix_;  // a copy: the configuration is gone when the constructor returns
};

}  // namespace echo_model

GATEHOUSE_PLUGIN(echo_model::EchoModel, "echo-model", "0.1.0", "Responds with the text of the user",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER)
