#pragma once

#include <Poco/Exception.h>

#include <string>

#include "core/config/settings.h"

namespace gatehouse::core {

/// What Poco says about an address that cannot be taken, and what to do about it.
std::string bind_failure(const Poco::Exception& failure);

/// Takes the address for a moment. Why this machine or this user will never get it; empty: they
/// may, also if it is in use now.
std::string check_bind(const ServerSettings& settings);

}  // namespace gatehouse::core
