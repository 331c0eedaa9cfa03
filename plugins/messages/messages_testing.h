/// What tests of this plugin have in common.
#pragma once

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::messages::messages_testing {

using namespace testing;

/// A body with these members beside the ones that are required.
inline std::string with(const std::string& members) {
  return R"({"model": "m", "max_tokens": 2000, "messages": [{"role": "user", "content": "Hi"}])" +
         (members.empty() ? "" : ", " + members) + "}";
}
/// A body with these messages.
inline std::string talk(const std::string& messages) {
  return R"({"model": "m", "max_tokens": 2000, "messages": [)" + messages + "]}";
}
/// A message of the user, or of the assistant, with these blocks.
inline std::string user(const std::string& blocks) {
  return R"({"role": "user", "content": [)" + blocks + "]}";
}
inline std::string assistant(const std::string& blocks) {
  return R"({"role": "assistant", "content": [)" + blocks + "]}";
}
/// Blocks.
inline std::string text(const std::string& words) {
  return R"({"type": "text", "text": ")" + words + "\"}";
}
inline std::string call(const std::string& id, const std::string& name = "t") {
  return R"({"type": "tool_use", "id": ")" + id + R"(", "name": ")" + name + R"(", "input": {}})";
}
inline std::string result(const std::string& id, const std::string& content) {
  return R"({"type": "tool_result", "tool_use_id": ")" + id + R"(", "content": )" + content + "}";
}

/// A gateway whose only plugin is messages.
struct Gateway {
  explicit Gateway(const std::string& config = R"({"anyone": true})") {
    h.be_strict();
    plugin = h.create(config);
  }
  Answer post(const std::string& body, View path = "/v1/messages", Headers headers = {}) {
    return h.post(*plugin, path, body, std::move(headers));
  }
  /// The chat document that a body becomes, or the message of its failure.
  std::string chat(const std::string& body, Headers headers = {}) {
    const Answer answer = post(body, "/v1/messages", std::move(headers));
    return h.chats.empty() ? answer.failure.message : h.chats.back();
  }
  /// The events of a stream, by their data; those of the JSON in `members` are added to the body.
  Events stream(const Events& events, const std::string& members = "") {
    h.next = testing::events(events);
    const std::string more = members.empty() ? "" : ", " + members;
    const std::string body = post(with(R"("stream": true)" + more)).body;
    Events data;
    for (std::size_t at = 0, end; (end = body.find("\n\n", at)) != body.npos; at = end + 2) {
      const std::string event = body.substr(at, end - at);
      data.push_back(event.substr(event.find("\ndata: ") + 7));
    }
    return data;
  }

  Harness h;
  std::unique_ptr<Plugin> plugin;
};

}  // namespace gatehouse::plugins::messages::messages_testing
