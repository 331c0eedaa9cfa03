/// A chat request on its way to the model: validation, the chat document, the bodies of the
/// requests to the providers.
#include <cstdint>

#include "core/json/node.h"
#include "plugins/chat/body.h"
#include "plugins/chat/document.h"
#include "provider_requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  using namespace gatehouse::plugins::chat;
  detail::json = &core::json_api();
  static const Choices kChoices{{"gemini-3.8-flash", "gemini-2.5-flash"},
                                {"thinking", "stop", "response_format"}};
  static const Defaults kDefaults{"gemini-3.8-flash", "Be brief.", 0.7, 4000, true};

  core::JsonArena arena;
  std::string_view error;
  gh_json* body = arena.parse({reinterpret_cast<const char*>(data), size}, error);
  if (!body) return 0;
  if (const Status status = check_body(Json(body), kChoices); !status) {
    require(status.failure().http_status() == 400,
            "a body that is not accepted is the client's mistake");
    return 0;
  }
  gh_json* chat = arena.make();
  if (const Status status = write_document(Json(body), kDefaults, MutableJson(chat)); !status) {
    require(status.failure().http_status() == 400,
            "a chat without content is the client's mistake");
    return 0;
  }
  check_requests(Json(chat), size);
  return 0;
}
