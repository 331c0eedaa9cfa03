#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::console {

/// Passes a response on and keeps the beginning of its text.
class Beginning final : public Sink {
 public:
  Beginning(Sink& out, std::size_t most) : out_(out), most_(most) {}

  Status emit(Event e) override {
    if (e.kind() == GH_EV_TEXT && text.size() < most_)
      text += cut_utf8(e.text(), most_ - text.size());
    return out_.emit(e);
  }

  std::string text;

 private:
  Sink& out_;
  const std::size_t most_;
};

/// The beginnings of responses whose requests have not ended. Any thread.
class Responses {
 public:
  void put(const Exchange& x, std::string text) {
    const std::lock_guard lock(mutex_);
    texts_[x.raw()] = std::move(text);
  }
  std::string take(const Exchange& x) {
    const std::lock_guard lock(mutex_);
    const auto found = texts_.extract(x.raw());
    return found ? std::move(found.mapped()) : std::string();
  }

 private:
  std::mutex mutex_;
  std::unordered_map<const gh_exchange*, std::string> texts_;  // guarded by mutex_
};

/// The text of the user's last message.
inline std::string last_question(const Exchange& x) {
  std::string text;
  for (const Json message : x.chat()["messages"]) {
    if (message["role"].str() != "user") continue;
    text.clear();
    for (const Json part : message["content"]) text += part["text"].str();
  }
  return text;
}

}  // namespace gatehouse::plugins::console
