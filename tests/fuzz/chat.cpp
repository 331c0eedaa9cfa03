/// A chat request on its way to the model: validation, the chat document, the bodies of the
/// requests to the providers.
#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/json/json.h"
#include "crypto.h"
#include "plugins/anthropic/request.h"
#include "plugins/chat/body.h"
#include "plugins/chat/document.h"
#include "plugins/gemini/request.h"
#include "plugins/openai/request.h"
#include "require.h"

namespace gatehouse {
namespace {

void check_request(const std::string& request, std::size_t size) {
  require(nlohmann::json::accept(request), "the request to the model is JSON");
  // 1 MiB is what tool schemas may grow to; texts and files grow by their escapes and by base64.
  require(request.size() <= 8 * size + (2u << 20), "a small request does not become a large one");
}

void request_openai(Json chat, std::size_t size) {
  const Document config;
  for (const char* preset : {"openai", "mistral", "deepseek"}) {
    config.root().edit("dialect").set(preset);
    const plugins::openai::Dialect dialect(config.root());
    if (!plugins::openai::check_chat(chat, dialect)) continue;
    ChatNames names = plugins::openai::names_of(chat, dialect);
    check_request(plugins::openai::request_body(chat, dialect, names, Json()), size);
  }
}

void request_anthropic(Json chat, std::size_t size) {
  const Document settings;
  settings.root().edit("max_output_tokens").set(8192);
  settings.root().edit("cache").set("1h");
  for (const char* model : {"claude-haiku-4-5", "claude-opus-4-8", "kimi-k3"}) {
    const plugins::anthropic::RequestOptions options{plugins::anthropic::find_model(model),
                                                     settings.root(), true};
    if (!plugins::anthropic::check_chat(chat, options)) continue;
    ChatNames names(chat, {128}, {64});
    check_request(plugins::anthropic::request_body(chat, options, names), size);
  }
}

}  // namespace
}  // namespace gatehouse

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  using namespace gatehouse::plugins::chat;
  using namespace gatehouse::plugins::gemini;
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
  for (const bool strict : {false, true}) {
    plugins::gemini::Model model;
    model.levels = {"low"};
    if (strict) {  // with all that models are peculiar about
      model.signature = plugins::gemini::Model::Signature::dummy;
      model.last_turn_model = model.system_instruction = model.documents = false;
      model.response_parts = true;
    }
    static const Crypto kCrypto = crypto();
    plugins::gemini::ToolNames names(kCrypto, Json(chat)["tools"]);
    check_request(
        plugins::gemini::request_body(
            Json(chat), {model, Json(), names,
                         std::vector(strict ? 2 : 0, plugins::gemini::ToolForm::bare), strict}),
        size);
  }
  request_openai(Json(chat), size);
  request_anthropic(Json(chat), size);
  return 0;
}
