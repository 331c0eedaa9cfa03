#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>

#include "request.h"

namespace gatehouse::plugins::gemini {

/// Which tools Gemini has rejected, and in what form it accepted them then, so that later chats
/// begin with that. Any thread.
class ToolMemory {
 public:
  explicit ToolMemory(Host host) : crypto_(host) {}
  /// On a reload, before the first request.
  void adopt(const ToolMemory& older);

  /// The forms of a chat's tools, for RequestOptions.
  std::vector<ToolForm> recall(View model, Json tools) const;
  /// Gemini has accepted the tools in these forms.
  void keep(View model, Json tools, const std::vector<ToolForm>& forms);

 private:
  std::string key_of(View model, Json tool) const;

  const Crypto crypto_;
  std::atomic<bool> empty_{true};  // as a rule
  mutable std::mutex mutex_;
  // Guarded by mutex_; of those that are not whole.
  std::unordered_map<std::string, ToolForm> forms_;
};

}  // namespace gatehouse::plugins::gemini
