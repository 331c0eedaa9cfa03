/// What a connection to a listener with the PROXY protocol begins with.
#include <cstdint>

#include "core/http/client_address.h"
#include "core/http/proxy_header.h"
#include "require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::core;
  const std::string_view received(reinterpret_cast<const char*>(data), size);
  const auto whole = parse_proxy_header(received);
  if (whole && whole->size > 0) {
    require(whole->size <= size && whole->size <= kMaxProxyHeader, "a header has a bounded size");
    require(whole->client.empty() || Networks().add(whole->client), "a client has an address");
  }
  require(!whole || whole->size > 0 || size < kMaxProxyHeader, "a header ends, or is none");
  // Received in pieces, it is the same header, and is not taken for one too early.
  for (std::size_t n = 0; n < size && n < kMaxProxyHeader; ++n) {
    const auto part = parse_proxy_header(received.substr(0, n));
    if (whole && n < whole->size) require(part && part->size == 0, "part of a header is not one");
    if (!part) require(!whole, "what is none does not become one");
    if (part && part->size > 0)
      require(whole && part->size == whole->size && part->client == whole->client,
              "what follows a header does not change it");
  }
  return 0;
}
