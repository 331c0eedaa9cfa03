/// What plugins that call a model's API have in common.
#pragma once

#include "gatehouse/toolkit/arguments_schema.hpp"
#include "gatehouse/toolkit/call_metrics.hpp"
#include "gatehouse/toolkit/call_text.hpp"
#include "gatehouse/toolkit/chat_parts.hpp"
#include "gatehouse/toolkit/conversation.hpp"
#include "gatehouse/toolkit/fresh_id.hpp"
#include "gatehouse/toolkit/model_api.hpp"
#include "gatehouse/toolkit/model_step.hpp"
#include "gatehouse/toolkit/retry_after.hpp"
#include "gatehouse/toolkit/served_models.hpp"
#include "gatehouse/toolkit/text_file.hpp"
#include "gatehouse/toolkit/unhonoured.hpp"
#include "gatehouse/toolkit/upstream_error.hpp"
#include "gatehouse/toolkit/upstream_failure.hpp"
#include "gatehouse/toolkit/upstream_health.hpp"
#include "gatehouse/toolkit/wire_names.hpp"
