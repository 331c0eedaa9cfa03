#pragma once

#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/outcome.hpp"

// The fields of log records about requests. What clients send is cut to a bounded length.

namespace gatehouse::plugins::access_log {

/// "POST /api/chat"
std::string name_of(const Exchange& x);

/// What is known when a request arrives: method, path, addresses, claimed extension id, trace.
void add_request(MutableJson fields, const Exchange& x);
/// How it ended.
void add_outcome(MutableJson fields, const Outcome& outcome, const Failure& failure);
/// The length of the body as announced, Host and User-Agent.
void add_sender(MutableJson fields, const Exchange& x);
/// Who sent it, as established by the plugin that authenticates.
void add_caller(MutableJson fields, const Caller& caller);
/// The milliseconds that each plugin took; `timing` is the value of a Server-Timing header.
void add_self_times(MutableJson times, const std::string& timing);
/// What plugins have noted, except under the names of fields that are there already.
void add_notes(MutableJson fields, Json notes);

}  // namespace gatehouse::plugins::access_log
