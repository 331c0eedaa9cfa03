#pragma once

#include <string>

#include "core/pipeline/pipeline.h"

namespace gatehouse::core {

/// Runs a request of the admin address: whoever asks must show the token and be no web page. Any thread.
///
///   GET /status      what the gateway knows about itself
///   POST /reload     as SIGHUP; /status tells how it went
///   /INSTANCE/...    what the plugins of the pipeline offer there
gh_status run_admin(const std::string& token, const Pipeline& pipeline, Exchange& x, const gh_sink& out);

}  // namespace gatehouse::core
