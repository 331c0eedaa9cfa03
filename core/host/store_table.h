#pragma once

#include "gatehouse/abi.h"

namespace gatehouse::core {

/// The extension gatehouse.store/1: the store of the gateway, in which each instance has its own
/// keys.
const gh_store_api& store_table();

}  // namespace gatehouse::core
