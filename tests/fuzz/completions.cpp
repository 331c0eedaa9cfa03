/// The body of POST /v1/chat/completions, the requests to models that it becomes, and the
/// response.
#include "plugins/completions/completions.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "gatehouse/testing.hpp"
#include "provider_requests.h"

namespace gatehouse {
namespace {

/// As a provider does.
Status call_model(Exchange& x, Sink& out, std::size_t size) {
  check_requests(x.chat(), size);
  return testing::emit(out, {"step-start", "reasoning:Hm", "text:Hi",
                             "tool-call:1:a:{} @{\"google\":{}}", "step-finish:tool-calls"});
}

void check_choice(const nlohmann::json& completion) {
  require(completion["choices"][0]["finish_reason"] == "tool_calls", "the response is complete");
}

/// The last chunk but the usage ends the response.
void check_stream(View body) {
  constexpr View kEnd = "data: [DONE]\n\n";
  require(body.size() > kEnd.size() && body.substr(body.size() - kEnd.size()) == kEnd,
          "the stream ends");
  nlohmann::json chunk, last;
  for (std::size_t at; (at = body.find("data: {")) != View::npos;) {
    body.remove_prefix(at + 6);
    chunk = nlohmann::json::parse(body.substr(0, body.find('\n')), nullptr, false);
    require(chunk.is_object(), "chunks are JSON");
    if (!chunk["choices"].empty()) last = chunk;
  }
  check_choice(last);
}

}  // namespace
}  // namespace gatehouse

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  testing::Request request("POST", "/v1/chat/completions");
  request.headers = {{"Content-Type", "application/json"}, {"X-Gatehouse-Tools", "a,b"}};
  request.body.assign(reinterpret_cast<const char*>(data), size);
  request.caller = {"x", "", "x"};
  testing::Harness h;
  plugins::completions::Completions completions(h.host(), h.config("{}"));
  h.next = [size](Exchange& x, Sink& out) { return call_model(x, out, size); };

  const testing::Answer answer = h.run(completions, request);
  require(answer.status == 200 || answer.status == 400, "a rejected body is the client's mistake");
  if (answer.status != 200) return 0;
  if (answer.header("Content-Type") == "text/event-stream") {
    check_stream(answer.body);
  } else {
    check_choice(nlohmann::json::parse(answer.body, nullptr, false));
  }
  return 0;
}
