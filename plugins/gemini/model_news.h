#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "models.h"
#include "report.h"

namespace gatehouse::plugins::gemini {

/// What operators should know about the requested models: that one ends, or that another one
/// responds in its place. Logs it once a day for each model. Any thread.
class ModelNews {
 public:
  ModelNews(Host host, const Models& models) : host_(host), models_(models) {}

  /// `requested` by a chat, `sent` to Gemini.
  void read(Exchange& x, View requested, View sent, const Report& report);
  /// For the health: all current news; empty: none.
  std::string summary() const;

 private:
  std::string text_of(View requested, View sent, const std::string& responding,
                      const Report& report) const;
  bool keep(View requested, const std::string& text);
  void count_mismatch(View sent, View responding) const;

  const Host host_;
  const Models& models_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> news_;  // guarded by mutex_; by model
  std::set<std::string> logged_;                          // guarded by mutex_; on logged_day_
  std::int64_t logged_day_ = 0;                           // guarded by mutex_; since 1970
};

}  // namespace gatehouse::plugins::gemini
