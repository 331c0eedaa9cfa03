#pragma once

#include <Poco/Exception.h>

#include <string>

#include "core/config/settings.h"

namespace gatehouse::core {

/// Why an address could not be bound, and what to do about it.
std::string bind_failure(const Poco::Exception& failure);

/// Binds the address for a moment. Returns why this machine or this user can never bind it; empty
/// if they can, even if it is in use now.
std::string check_bind(const ServerSettings& settings);

}  // namespace gatehouse::core
