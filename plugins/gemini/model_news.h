#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "models.h"

namespace gatehouse::plugins::gemini {

/// What operators should know of the models that chats ask for: that one ends, or that another one
/// answers in its place. Logs it once a day for each model. Any thread.
class ModelNews {
 public:
  ModelNews(Host host, const Models& models) : host_(host), models_(models) {}

  /// `asked` by a chat, `sent` to Gemini; `about`: GeminiResponse::about().
  void read(Exchange& x, View asked, View sent, Json about);
  /// For the health: all that is known now; empty: no news.
  std::string summary() const;

 private:
  void count_mismatch(View sent, View answered) const;

  const Host host_;
  const Models& models_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> news_;  // guarded by mutex_; by model
  std::set<std::string> told_;                            // guarded by mutex_; on told_day_
  std::int64_t told_day_ = 0;                             // guarded by mutex_; since 1970
};

}  // namespace gatehouse::plugins::gemini
