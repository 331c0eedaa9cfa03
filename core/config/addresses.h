#pragma once

#include <string>

#include "core/config/settings.h"

namespace gatehouse::core {

/// Whether a Host header may have this value, a port included (RFC 9110 7.2), or "*".
bool is_host(const std::string& text);

/// Whether both servers cannot listen at the same time.
bool collide(const ServerSettings& a, const ServerSettings& b);

/// Reads ADDRESS:PORT, the form of `listen`.
bool parse_listen(const std::string& text, ServerSettings& out);

/// Reads [http://][user[:password]@]host[:port], as the variables of curl have it too.
bool parse_proxy(const std::string& text, Proxy& out);

/// Reads redis://[user[:password]@]host[:port][/database], or rediss:// for TLS. User and password
/// may be empty.
bool parse_redis(const std::string& url, StoreSettings::Redis& out);

}  // namespace gatehouse::core
