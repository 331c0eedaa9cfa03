#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/failure_cause.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::messages {

/// Of a response that reports a failure.
int status_of(const FailureReport& report);

/// Sets the status and headers of a response that reports a failure.
void write_error_head(const Failure& failure, Exchange& x);

/// Appends the JSON object that reports a failure, as the body of a response or an event.
void append_error(JsonText& json, const Failure& failure, View request_id);

}  // namespace gatehouse::plugins::messages
