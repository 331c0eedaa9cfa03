#pragma once

#include <string>

#include "core/config/settings.h"

namespace gatehouse::core {

/// Whether a Host header may have this value, a port included (RFC 9110 7.2), or "*".
bool is_host(const std::string& text);

/// Whether a gateway cannot listen on both at the same time.
bool collide(const ListenSettings& a, const ListenSettings& b);

/// Reads ADDRESS:PORT.
bool parse_address(const std::string& text, ListenSettings& out);

/// Reads [http://][user[:password]@]host[:port], as the variables of curl have it too.
bool parse_proxy(const std::string& text, Proxy& out);

/// Reads redis://[user[:password]@]host[:port][/database], or rediss:// for TLS. User and password
/// may be empty.
bool parse_redis(const std::string& url, StoreSettings::Redis& out);

}  // namespace gatehouse::core
