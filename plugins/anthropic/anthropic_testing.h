/// What tests of this plugin have in common.
#pragma once

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::anthropic::anthropic_testing {

using namespace testing;

constexpr View kHello = R"({"model": "claude-haiku-4-5", "messages": [{"role": "user", )"
                        R"("content": [{"type": "text", "text": "Hello"}]}]})";

inline std::string start(const std::string& usage = R"("input_tokens":3)") {
  return R"({"type":"message_start","message":{"id":"msg_1","model":"claude-x","usage":{)" + usage +
         "}}}";
}
inline std::string begin(int index, const std::string& members) {
  return R"({"type":"content_block_start","index":)" + std::to_string(index) +
         R"(,"content_block":{)" + members + "}}";
}
inline std::string delta(int index, const std::string& members) {
  return R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":{)" +
         members + "}}";
}
inline std::string stop(int index) {
  return R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}";
}
inline std::string last(const std::string& reason, const std::string& usage = "") {
  return R"({"type":"message_delta","delta":{"stop_reason":")" + reason + R"("},"usage":{)" +
         usage + "}}";
}
const std::string kStop = R"({"type":"message_stop"})";
/// A whole text block.
inline std::string text(const std::string& words, int index = 0) {
  return begin(index, R"("type":"text","text":")" + words + "\"");
}

/// A gateway whose only plugin is anthropic. `settings`: more members of its configuration.
struct Gateway {
  explicit Gateway(const std::string& settings = "") {
    h.be_strict();
    plugin = h.create(R"({"api_key": "sk-ant-secret")" + (settings.empty() ? "" : ", " + settings) +
                      "}");
  }
  Answer ask(Reply reply, View chat = kHello) {
    h.upstream.push(std::move(reply));
    return h.ask(*plugin, chat);
  }
  /// The events that these become, without those about the whole response.
  Events events_of(std::vector<std::string> messages, const std::string& reason = "end_turn") {
    messages.push_back(last(reason));
    messages.push_back(kStop);
    Events events = ask(sse(messages)).events;
    const auto is_about = [](const std::string& e) { return e == "step-start"; };
    events.erase(std::remove_if(events.begin(), events.end(), is_about), events.end());
    return events;
  }
  /// The body that is sent for a chat.
  std::string sent(View chat) {
    ask(sse({start(), text("ok"), stop(0), last("end_turn"), kStop}), chat);
    return h.upstream.requests.empty() ? "" : h.upstream.requests.back().body;
  }
  /// A member of it as JSON text; "": none.
  std::string sent(View chat, View member) {
    const std::string body = sent(chat);
    if (body.empty()) return {};
    const Document document = testing::parse(body);
    return document.root()[member] ? document.root()[member].dump() : std::string();
  }

  Harness h;
  std::unique_ptr<Plugin> plugin;
};

}  // namespace gatehouse::plugins::anthropic::anthropic_testing
