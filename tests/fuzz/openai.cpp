/// A response of OpenAI's API on its way to the client: server-sent events, the events of a step,
/// the UI message stream.
#include <cstdint>

#include "plugins/openai/response.h"
#include "ui_client.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  render([&](Sink& out) {
    const ChatNames names(Json(), {64}, {40, NameRule::any});
    const Unhonoured none(Json(), {});
    plugins::openai::OpenAiResponse response(out, none, names);
    return read_stream({reinterpret_cast<const char*>(data), size}, response);
  });
  return 0;
}
