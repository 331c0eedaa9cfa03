/// The body of POST /v1/responses, the request to the model that it becomes, and the response.
#include "plugins/responses/responses.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "crypto.h"
#include "gatehouse/testing.hpp"
#include "plugins/gemini/request.h"
#include "require.h"

namespace gatehouse {
namespace {

/// As a provider does.
Status call_model(Exchange& x, Sink& out, std::size_t size) {
  static const plugins::gemini::Model kModel;
  static const Crypto kCrypto = crypto();
  plugins::gemini::ToolNames names(kCrypto, x.chat()["tools"]);
  const std::string request = plugins::gemini::request_body(x.chat(), {kModel, Json(), names, {}});
  require(nlohmann::json::accept(request), "the request to the model is JSON");
  // 1 MiB is what tool schemas may grow to; texts and files grow by their escapes and by base64.
  require(request.size() <= 8 * size + (2u << 20), "a small request does not become a large one");
  return testing::emit(out, {"step-start", "reasoning:Hm @{\"google\":{}}", "text:Hi",
                             "tool-call:1:a:{}", "step-finish:tool-calls"});
}

void check_response(const nlohmann::json& response) {
  require(response["status"] == "completed", "the response is complete");
  require(response["output"].size() == 3, "the response has all items");
}

void check_stream(View body) {
  std::size_t number = 0;
  nlohmann::json event;
  for (std::size_t at; (at = body.find("data: ")) != View::npos; ++number) {
    body.remove_prefix(at + 6);
    event = nlohmann::json::parse(body.substr(0, body.find('\n')), nullptr, false);
    require(event.is_object() && event["sequence_number"] == number, "events are numbered JSON");
  }
  require(event["type"] == "response.completed", "the stream ends with the response");
  check_response(event["response"]);
}

}  // namespace
}  // namespace gatehouse

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  testing::Request request("POST", "/v1/responses");
  request.headers = {{"Content-Type", "application/json"}};
  request.body.assign(reinterpret_cast<const char*>(data), size);
  request.caller = {"x", "", "x"};
  testing::Harness h;
  plugins::responses::Responses responses(h.host(), h.config("{}"));
  h.next = [size](Exchange& x, Sink& out) { return call_model(x, out, size); };
  h.store[R"(items."x".R)"] = R"([{"type": "text", "text": "Hm"}, {"type": "tool-call", "id": "c",
      "name": "a", "input": {}}, {"type": "reasoning", "text": "", "metadata": {}}])";

  const testing::Answer answer = h.run(responses, request);
  require(answer.status == 200 || answer.status == 400 || answer.status == 404,
          "a rejected body is the client's mistake");
  if (answer.status != 200) return 0;
  if (answer.header("Content-Type") == "text/event-stream") {
    check_stream(answer.body);
  } else {
    check_response(nlohmann::json::parse(answer.body, nullptr, false));
  }
  return 0;
}
