#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse healthcheck`: whether the gateway of this configuration serves; if `ready`, whether
/// it should get requests. For containers without curl. Returns 0 if it does, within two seconds.
int healthcheck(const std::string& config_file, bool ready);

}  // namespace gatehouse::core
