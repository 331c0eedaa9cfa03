#pragma once

#include <string>

#include "gatehouse/text.hpp"

namespace gatehouse::plugins::console {

/// Appends the samples of a text in the Prometheus format as a JSON array of objects with `name`,
/// `labels` and `value`, which is null where it is not finite.
void write_metrics(View text, std::string& out);

}  // namespace gatehouse::plugins::console
