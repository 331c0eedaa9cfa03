#pragma once

#include "gatehouse/abi.h"

namespace gatehouse::core {

/// The extension gatehouse.crypto/1: OpenSSL for plugins, which need none of their own.
const gh_crypto_api& crypto_table();

}  // namespace gatehouse::core
