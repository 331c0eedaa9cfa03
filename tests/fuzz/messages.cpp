/// A request of the Messages API on its way to the model: validation, the chat document, the bodies
/// of the requests to the providers, and the response of a model that calls a tool.
#include "plugins/messages/messages.h"

#include <cstdint>

#include "gatehouse/testing.hpp"
#include "provider_requests.h"

namespace gatehouse {
namespace {

/// Of the body, as another parser reads it; false if that one rejects it.
bool wants_stream(const std::string& body) {
  const auto sent = nlohmann::json::parse(body, nullptr, false);
  return sent.is_object() && sent.value("stream", nlohmann::json()) == true;
}

void check_response(const testing::Answer& answer, bool is_stream) {
  require(answer.complete, "a response ends");
  if (is_stream)
    return require(answer.body.find("message_stop") != answer.body.npos, "a stream ends");
  const auto message = nlohmann::json::parse(answer.body, nullptr, false);
  require(message.is_object() && message["content"].size() == 2, "a message is one JSON object");
}

}  // namespace
}  // namespace gatehouse

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  testing::Request request("POST", "/v1/messages");
  request.headers = {{"Content-Type", "application/json"}};
  request.body.assign(reinterpret_cast<const char*>(data), size);
  testing::Harness h;
  h.be_strict();
  plugins::messages::Messages messages(h.host(),
                                       h.config(R"({"anyone": true, "send_reasoning": true})"));
  h.next = [size](Exchange& x, Sink& out) {
    check_requests(x.chat(), size);
    return testing::emit(out, {"step-start", "text:Hi", "tool-call:c:t:{}", "step-finish:stop"});
  };
  const testing::Answer answer = h.run(messages, request);
  require(answer.status == 200 || answer.status == 400,
          "a body that is not accepted is the client's mistake");
  if (answer.status == 200) check_response(answer, wants_stream(request.body));
  return 0;
}
