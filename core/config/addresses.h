#pragma once

#include <string>

#include "core/config/settings.h"

namespace gatehouse::core {

/// What a Host header may say, a port included (RFC 9110 7.2), or "*".
bool is_host(const std::string& text);

/// One of them takes the place of the other.
bool collide(const ServerSettings& a, const ServerSettings& b);

/// ADDRESS:PORT, as `listen` has it.
bool parse_listen(const std::string& text, ServerSettings& out);

/// redis://[user[:password]@]host[:port][/database], or rediss:// for TLS. User and password may be
/// empty.
bool parse_redis(const std::string& url, StoreSettings::Redis& out);

}  // namespace gatehouse::core
