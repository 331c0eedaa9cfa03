#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/call_ids.hpp"
#include "stored_items.h"

namespace gatehouse::plugins::responses {

/// Writes the chat document of a body that check_body() has accepted. 400: calls and outputs do not
/// belong together, or nothing is left that a model could respond to; 404: an item that the input
/// refers to is not stored.
Status write_document(Exchange& x, Json body, const CallIds& ids, const StoredItems& stored);

}  // namespace gatehouse::plugins::responses
