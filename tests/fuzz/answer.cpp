/// An answer of Gemini on its way to the client: server-sent events, the events of a step, the UI
/// message stream.
#include <cstdint>

#include "crypto.h"
#include "plugins/gemini/response.h"
#include "ui_client.h"

namespace gatehouse {
namespace {

/// As the gemini plugin does, where every request brings the same.
Status read(std::string_view bytes, Sink& out) {
  static const Crypto kCrypto = crypto();
  const plugins::gemini::ToolNames names(kCrypto, Json());
  const Unhonoured none(Json(), {});
  plugins::gemini::GeminiResponse answer(
      out, none, {.names = names, .messages = Json(), .backend_tools = Json(), .max_hops = 2});
  do {
    if (Status status = read_events(bytes, answer); !status) return status;
  } while (answer.continues());
  return answer.finish();
}

}  // namespace
}  // namespace gatehouse

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  render([&](Sink& out) { return read({reinterpret_cast<const char*>(data), size}, out); });
  return 0;
}
