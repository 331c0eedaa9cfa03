#pragma once

#include "gatehouse/abi.h"

namespace gatehouse::core {

/// The extension gatehouse.wait/1: a request's thread waits for another one, or for a descriptor of
/// a plugin's own.
const gh_wait_api& wait_table();

}  // namespace gatehouse::core
