/// What tests of this plugin have in common.
#pragma once

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::openai::openai_testing {

using namespace testing;

constexpr View kHello = R"({"model": "gpt-4.1", "messages": [{"role": "user", )"
                        R"("content": [{"type": "text", "text": "Hello"}]}]})";

/// A chunk with this delta; `rest`: more members of its choice.
inline std::string delta(const std::string& members, const std::string& rest = "") {
  return R"({"id":"r1","object":"chat.completion.chunk","model":"m-1","choices":[{"index":0,)"
         R"("delta":{)" +
         members + "}" + rest + "}]}";
}
inline std::string last(const std::string& reason, const std::string& members = "") {
  return delta(members, R"(,"finish_reason":")" + reason + "\"");
}

/// A gateway whose only plugin is openai. `settings`: more members of its configuration.
struct Gateway {
  explicit Gateway(const std::string& settings = "") {
    h.be_strict();
    plugin =
        h.create(R"({"api_key": "sk-secret")" + (settings.empty() ? "" : ", " + settings) + "}");
  }
  Answer ask(Reply reply, View chat = kHello) {
    h.upstream.push(std::move(reply));
    return h.ask(*plugin, chat);
  }
  /// The events that these chunks become, without the first and those about the whole response.
  Events events_of(std::vector<std::string> chunks) {
    chunks.push_back("[DONE]");
    Events events = ask(sse(chunks)).events;
    if (!events.empty()) events.erase(events.begin());
    const auto is_about = [](const std::string& e) { return e.rfind("response:", 0) == 0; };
    events.erase(std::remove_if(events.begin(), events.end(), is_about), events.end());
    return events;
  }
  /// The body that is sent for a chat.
  std::string sent(View chat) {
    ask(sse({last("stop", R"("content":"ok")"), "[DONE]"}), chat);
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

}  // namespace gatehouse::plugins::openai::openai_testing
