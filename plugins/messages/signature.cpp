#include "signature.h"

#include "gatehouse/toolkit/base64url.hpp"

namespace gatehouse::plugins::messages {
namespace {

// Before base64url of the metadata. Anthropic's signatures are base64, which has no dot.
constexpr View kOurs = "gatehouse.";

}  // namespace

std::string signature_of(Json metadata) {
  const View own = metadata["anthropic"]["signature"].str();
  if (!own.empty()) return std::string(own);
  const std::string text = metadata.is_object() ? metadata.dump() : "{}";
  return std::string(kOurs).append(to_base64url(text));
}

Document metadata_of(View signature) {
  Document metadata;
  metadata.root().set_object();
  if (signature.substr(0, kOurs.size()) != kOurs) {
    if (!signature.empty()) metadata.root().edit("anthropic").edit("signature").set(signature);
    return metadata;
  }
  const auto text = from_base64url(signature.substr(kOurs.size()));
  auto parsed = Document::parse(text.value_or(std::string()));
  if (parsed && parsed->root().is_object()) return std::move(*parsed);
  return metadata;
}

}  // namespace gatehouse::plugins::messages
