#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/json_text.hpp"
#include "gatehouse/toolkit/outcome.hpp"

namespace gatehouse::plugins::access_log {

/// "POST /api/chat"
std::string name_of(const Exchange& x);

/// The fields of a log record about a request, as the text of a JSON object. What clients send is
/// cut to a bounded length.
class Fields {
 public:
  /// What is known when a request arrives: method, path, addresses, claimed extension id, trace.
  explicit Fields(const Exchange& x);
  Fields(const Fields&) = delete;

  /// How it ended.
  void add_outcome(const Outcome& outcome, const Failure& failure);
  /// Of a request that the server rejected, when its failure has no detail.
  void add_detail(View detail) { add("detail", detail); }
  /// A time with one decimal.
  void add_ms(View name, std::chrono::nanoseconds time);
  void add_number(View name, std::int64_t number);
  /// The length of the body as announced, Host and User-Agent.
  void add_sender(const Exchange& x);
  /// Who sent it, as established by the plugin that authenticates.
  void add_caller(const Caller& caller);
  /// The milliseconds that each plugin took; `timing` is the value of a Server-Timing header.
  void add_self_times(View timing);
  /// What plugins have noted, except under the names of fields that are there already.
  void add_notes(Json notes);

  /// All so far.
  std::string text() const { return text_ + '}'; }

 private:
  /// Unless it is empty.
  void add(View name, View text);
  JsonText& key(View name);

  std::string text_;
  JsonText json_{text_};
  std::vector<View> names_;
};

}  // namespace gatehouse::plugins::access_log
