#pragma once

#include "gatehouse/abi.h"

namespace gatehouse::core {

/// The extension gatehouse.http/1: HttpClient for plugins.
const gh_http_api& http_table();

}  // namespace gatehouse::core
