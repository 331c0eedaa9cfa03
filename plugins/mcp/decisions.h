#pragma once

#include "approvals.h"

namespace gatehouse::plugins::mcp {

/// Carries out what the user has said about the calls that the last answer of the model ended with:
/// runs those that are allowed, and adds the results, denials and refusals to the chat document.
Status carry_out_answers(Host host, Exchange& x, Sink& out, const Offer& offer,
                         const Approvals& approvals, Allowance& allowance);

}  // namespace gatehouse::plugins::mcp
