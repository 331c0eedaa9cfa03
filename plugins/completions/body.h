#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::completions {

/// Checks the body of a request before anything is made of it: 400 with the place of the first
/// mistake, or of the first parameter that changes the response and cannot be honoured. Members
/// that are not known here are accepted, whatever they are.
Status check_body(Json body);

}  // namespace gatehouse::plugins::completions
