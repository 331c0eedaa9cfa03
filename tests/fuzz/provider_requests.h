#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "crypto.h"
#include "plugins/anthropic/request.h"
#include "plugins/gemini/request.h"
#include "plugins/openai/request.h"
#include "require.h"

namespace gatehouse {

inline void check_request(const std::string& request, std::size_t size) {
  require(nlohmann::json::accept(request), "the request to the model is JSON");
  // 1 MiB is what tool schemas may grow to; texts and files grow by their escapes and by base64.
  require(request.size() <= 8 * size + (2u << 20), "a small request does not become a large one");
}

inline void request_openai(Json chat, std::size_t size) {
  const Document config;
  for (const char* preset : {"openai", "mistral", "deepseek"}) {
    config.root().edit("dialect").set(preset);
    const plugins::openai::Dialect dialect(config.root());
    if (!plugins::openai::check_chat(chat, dialect)) continue;
    ChatNames names = plugins::openai::names_of(chat, dialect);
    check_request(plugins::openai::request_body(chat, dialect, names, Json()), size);
  }
}

inline void request_anthropic(Json chat, std::size_t size) {
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

inline void request_gemini(Json chat, std::size_t size) {
  for (const bool strict : {false, true}) {
    plugins::gemini::Model model;
    model.levels = {"low"};
    if (strict) {  // with all that models are peculiar about
      model.signature = plugins::gemini::Model::Signature::dummy;
      model.last_turn_model = model.system_instruction = model.documents = false;
      model.response_parts = true;
    }
    static const Crypto kCrypto = crypto();
    plugins::gemini::ToolNames names(kCrypto, chat["tools"]);
    check_request(plugins::gemini::request_body(
                      chat, {model, Json(), names,
                             std::vector(strict ? 2 : 0, plugins::gemini::ToolForm::bare), strict}),
                  size);
  }
}

/// The requests of all providers for a chat document that was made from `size` bytes.
inline void check_requests(Json chat, std::size_t size) {
  request_gemini(chat, size);
  request_openai(chat, size);
  request_anthropic(chat, size);
}

}  // namespace gatehouse
