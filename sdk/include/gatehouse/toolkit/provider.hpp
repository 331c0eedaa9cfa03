/// What plugins that call a model's API have in common.
#pragma once

#include "gatehouse/toolkit/api_keys.hpp"
#include "gatehouse/toolkit/call_metrics.hpp"
#include "gatehouse/toolkit/chat_parts.hpp"
#include "gatehouse/toolkit/fresh_id.hpp"
#include "gatehouse/toolkit/retry_after.hpp"
#include "gatehouse/toolkit/unhonoured.hpp"
#include "gatehouse/toolkit/upstream_error.hpp"
#include "gatehouse/toolkit/upstream_health.hpp"
