/// A response of Anthropic's API on its way to the client: server-sent events, the events of a
/// step, the UI message stream.
#include <cstdint>

#include "plugins/anthropic/response.h"
#include "ui_client.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  render([&](Sink& out) {
    const ChatNames names(Json(), {128}, {64});
    const Unhonoured none(Json(), {});
    plugins::anthropic::AnthropicResponse response(out, none, names, false);
    return read_stream({reinterpret_cast<const char*>(data), size}, response);
  });
  return 0;
}
