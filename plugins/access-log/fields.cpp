#include "fields.h"

#include <algorithm>
#include <cstdlib>

#include "gatehouse/toolkit/trace_parent.hpp"

namespace gatehouse::plugins::access_log {
namespace {

// The server accepts longer ones, and rejects requests of which anything may be longer.
constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kMaxPathBytes = 2048;
constexpr std::size_t kMaxHeaderBytes = 256;  // user agents of browsers have about 120

View method_of(const Exchange& x) { return x.method().substr(0, kMaxMethodBytes); }
View path_of(const Exchange& x) { return x.path().substr(0, kMaxPathBytes); }

bool is_extension_id(View text) {
  return text.size() == 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// "1.500" is 1.5, and "840.000" is 840.
View without_zeros(View decimal) {
  if (decimal.find('.') == View::npos) return decimal;
  const View digits = decimal.substr(0, decimal.find_last_not_of('0') + 1);
  return digits.substr(0, digits.find_last_not_of('.') + 1);
}

}  // namespace

std::string name_of(const Exchange& x) {
  return std::string(method_of(x)).append(" ").append(path_of(x));
}

Fields::Fields(const Exchange& x) {
  text_.reserve(1024);  // the record of a chat has about 900 bytes
  names_.reserve(24);   // and no record more fields besides notes
  json_.open('{');
  add("method", method_of(x));
  add("path", path_of(x));
  add("peer", x.peer());
  if (x.client() != x.peer()) add("client", x.client());
  if (const View id = x.header("X-Extension-ID"); is_extension_id(id)) add("extension_id", id);
  const TraceParent trace(x.trace());
  add("trace_id", trace.trace_id);
  add("span_id", trace.span_id);
  add("parent_id", client_span_of(x));
}

void Fields::add_outcome(const Outcome& outcome, const Failure& failure) {
  add_number("status", outcome.status);
  add("outcome", outcome.word);
  add("code", outcome.code);
  add("detail", failure.detail());
}

void Fields::add_ms(View name, std::chrono::nanoseconds time) {
  const std::int64_t tenths = (time.count() + 50'000) / 100'000;
  key(name).raw(
      without_zeros(std::to_string(tenths / 10) + '.' + static_cast<char>('0' + tenths % 10)));
}

void Fields::add_number(View name, std::int64_t number) { key(name).value(number); }

void Fields::add_sender(const Exchange& x) {
  if (const View length = x.header("Content-Length"); !length.empty())
    add_number("bytes_in", std::strtoll(std::string(length).c_str(), nullptr, 10));
  add("host", x.header("Host").substr(0, kMaxHeaderBytes));
  add("user_agent", x.header("User-Agent").substr(0, kMaxHeaderBytes));
}

void Fields::add_caller(const Caller& caller) {
  add("caller", caller.tenant);
  add("user", caller.user);
  add("key", caller.key);
}

/// From "cache;dur=1.250, model;dur=840.000": {"cache": 1.25, "model": 840}.
void Fields::add_self_times(View timing) {
  constexpr View kDuration = ";dur=", kSeparator = ", ";
  key("self_ms").open('{');
  for (std::size_t at = 0; at < timing.size();) {
    const std::size_t end = std::min(timing.find(kSeparator, at), timing.size());
    const std::size_t middle = timing.find(kDuration, at);
    if (middle >= end) break;
    const std::size_t number = middle + kDuration.size();
    json_.any_key(timing.substr(at, middle - at))
        .raw(without_zeros(timing.substr(number, end - number)));
    at = end + kSeparator.size();
  }
  json_.close('}');
}

void Fields::add_notes(Json notes) {
  for (const auto [name, value] : notes.members()) {
    if (std::find(names_.begin(), names_.end(), name) == names_.end())
      json_.any_key(name).value(value);
  }
}

void Fields::add(View name, View text) {
  if (!text.empty()) key(name).value(text);
}

JsonText& Fields::key(View name) {
  names_.push_back(name);
  return json_.key(name);
}

}  // namespace gatehouse::plugins::access_log
