/// What tests of this plugin have in common.
#pragma once

#include "gatehouse/testing.hpp"
#include "gemini.h"

namespace gatehouse::plugins::gemini::gemini_testing {

using namespace testing;

constexpr View kKey = "AIza-secret-key";
constexpr View kHello = R"({"model": "gemini-2.5-flash", "messages": [{"role": "user", )"
                        R"("content": [{"type": "text", "text": "Hello"}]}]})";

/// A gateway whose only plugin is gemini. `settings`: more members of its configuration.
struct Gateway {
  explicit Gateway(const std::string& settings = "")
      : gemini(h.host(),
               h.config(
                   R"({"api_key": "AIza-secret-key", "base_url": "http://gemini.example/v1beta")" +
                   (settings.empty() ? "" : ", " + settings) + "}")) {}
  Harness h;
  Gemini gemini;

  Answer ask(Reply reply, View chat = kHello) {
    h.upstream.push(std::move(reply));
    return h.ask(gemini, chat);
  }
  /// The events that these GenerateContentResponses become.
  Events answer(const std::vector<std::string>& responses) { return ask(sse(responses)).events; }
  bool logged(View what) const {
    return std::any_of(h.logs.begin(), h.logs.end(),
                       [&](const std::string& line) { return line.find(what) != line.npos; });
  }
};

/// A GenerateContentResponse; `rest`: more members of its candidate.
inline std::string with_parts(const std::string& parts, const std::string& rest = R"("index":0)") {
  return R"({"candidates":[{"content":{"role":"model","parts":[)" + parts + "]}," + rest + "}]}";
}
/// The last one.
inline std::string last(const std::string& parts, const std::string& reason = "STOP") {
  return with_parts(parts, R"("finishReason":")" + reason + "\"");
}
inline std::string error(const std::string& members) { return R"({"error":{)" + members + "}}"; }

}  // namespace gatehouse::plugins::gemini::gemini_testing
