#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// When Gemini may be asked again, from now, by its headers retry-after-ms and Retry-After or by
/// the RetryInfo or the message of its error, whichever comes first in this order. 0: it does not
/// say; at once is 1 ns. `wall` is the time of day.
std::chrono::nanoseconds retry_after(View milliseconds, View seconds_or_date, Json error,
                                     std::chrono::nanoseconds wall);

}  // namespace gatehouse::plugins::gemini
