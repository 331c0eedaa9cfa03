#pragma once

#include "gatehouse/models.h"

namespace gatehouse::core {

/// The extension gatehouse.models/1.
const gh_models_api& models_table();

}  // namespace gatehouse::core
