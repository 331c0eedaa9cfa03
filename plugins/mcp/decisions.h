#pragma once

#include "approvals.h"

namespace gatehouse::plugins::mcp {

/// Carries out what the user has decided about the calls at the end of the last response: runs
/// those that are allowed, and adds the results, denials and rejections to the chat document.
Status carry_out_decisions(Host host, Exchange& x, Sink& out, const Offer& offer,
                           const Approvals& approvals, Allowance& allowance);

}  // namespace gatehouse::plugins::mcp
