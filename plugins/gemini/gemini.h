#pragma once

#include <atomic>
#include <mutex>

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Answers chats with a model of the Gemini API: one call of it for each call of handle(), never a second try.
class Gemini final : public Plugin {
 public:
  Gemini(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  Status ask(Exchange& x, Sink& out, View model);
  Status explain(Exchange& x, Status status);
  void report(int health, View reason);

  const Host host_;
  const std::string api_key_;
  const Http http_;
  std::atomic<int> health_{GH_UP};  // what the host was told last
  std::mutex health_mutex_;         // keeps the host's order that of health_
};

}  // namespace gatehouse
