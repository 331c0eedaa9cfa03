#pragma once

#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::messages {

/// The `signature` of a thinking block, which is opaque to clients and never empty, from the
/// metadata of a reasoning part: Anthropic's own as it is, so that its API takes the block back;
/// any other metadata, and none, in a form by which metadata_of() knows it.
std::string signature_of(Json metadata);

/// The metadata of a reasoning part, as an object, from the signature that a client returns.
Document metadata_of(View signature);

}  // namespace gatehouse::plugins::messages
