#pragma once

#include "gatehouse/abi.h"

namespace gatehouse::core {

/// The extension gatehouse.status/1.
const gh_status_api& status_table();

}  // namespace gatehouse::core
