#include "fields.h"

#include <algorithm>
#include <charconv>
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

void set_unless_empty(MutableJson fields, View name, View value) {
  if (!value.empty()) fields.edit(name).set(value);
}

/// The trace that the request is part of, and its place there.
void add_trace(MutableJson fields, const Exchange& x) {
  const TraceParent trace(x.trace());
  set_unless_empty(fields, "trace_id", trace.trace_id);
  set_unless_empty(fields, "span_id", trace.span_id);
  set_unless_empty(fields, "parent_id", client_span_of(x));
}

}  // namespace

std::string name_of(const Exchange& x) {
  return std::string(method_of(x)).append(" ").append(path_of(x));
}

void add_request(MutableJson fields, const Exchange& x) {
  fields.edit("method").set(method_of(x));
  fields.edit("path").set(path_of(x));
  fields.edit("peer").set(x.peer());
  if (x.client() != x.peer()) fields.edit("client").set(x.client());
  if (const View id = x.header("X-Extension-ID"); is_extension_id(id))
    fields.edit("extension_id").set(id);
  add_trace(fields, x);
}

void add_outcome(MutableJson fields, const Outcome& outcome, const Failure& failure) {
  fields.edit("status").set(outcome.status);
  fields.edit("outcome").set(outcome.word);
  set_unless_empty(fields, "code", outcome.code);
  set_unless_empty(fields, "detail", failure.detail());
}

void add_sender(MutableJson fields, const Exchange& x) {
  if (const View length = x.header("Content-Length"); !length.empty()) {
    const std::int64_t bytes = std::strtoll(std::string(length).c_str(), nullptr, 10);
    fields.edit("bytes_in").set(bytes);
  }
  set_unless_empty(fields, "host", x.header("Host").substr(0, kMaxHeaderBytes));
  set_unless_empty(fields, "user_agent", x.header("User-Agent").substr(0, kMaxHeaderBytes));
}

void add_caller(MutableJson fields, const Caller& caller) {
  set_unless_empty(fields, "caller", caller.tenant);
  set_unless_empty(fields, "user", caller.user);
  set_unless_empty(fields, "key", caller.key);
}

/// From "cache;dur=1.250, model;dur=840.000": {"cache": 1.25, "model": 840}.
void add_self_times(MutableJson times, const std::string& timing) {
  constexpr View kDuration = ";dur=", kSeparator = ", ";
  times.set_object();
  for (std::size_t at = 0; at < timing.size();) {
    const std::size_t end = std::min(timing.find(kSeparator, at), timing.size());
    const std::size_t middle = timing.find(kDuration, at);
    if (middle >= end) break;
    double ms = 0;
    std::from_chars(timing.data() + middle + kDuration.size(), timing.data() + end, ms);
    times.edit(View(timing).substr(at, middle - at)).set(ms);
    at = end + kSeparator.size();
  }
}

void add_notes(MutableJson fields, Json notes) {
  for (const auto [name, value] : notes.members()) {
    MutableJson field = fields.edit(name);
    if (field.is_null()) field.set(value);
  }
}

}  // namespace gatehouse::plugins::access_log
