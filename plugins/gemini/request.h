#pragma once

#include "models.h"
#include "tool_names.h"

namespace gatehouse::plugins::gemini {

/// How a tool is declared: Gemini rejects a whole request for one declaration that it dislikes.
enum class ToolForm : char { whole, bare, left_out };

/// Gemini accepts no more declarations of functions; those beyond are left out.
constexpr std::size_t kMaxFunctions = 512;

/// What a request depends on besides the chat document.
struct RequestOptions {
  const Model& model;
  Json settings;  ///< Of the model.
  ToolNames& names;
  std::vector<ToolForm> tools;      ///< In the order of the chat's; those beyond its end are whole.
  bool foreign_signatures = false;  ///< Gemini has rejected the signatures of this conversation.
  View continuation_token = {};     ///< Of a response that continues in this request.
};

/// What of a chat the API itself takes care of, for this model.
struct Offer {
  std::size_t functions;  ///< So many tools of the chat are declared.
  bool provider_tools;    ///< Tools that Google runs may be offered.
  bool json;              ///< The response format is enforced.
};
Offer offer_of(Json chat, const RequestOptions& options);

/// What the API calls a tool that Google runs; empty: it has none of this name.
View api_name_of(View provider_tool);
/// Whether the settings or the chat offer this tool of Google, which the model may not have.
bool wants_provider_tool(Json chat, Json settings, View name);

/// The body of a Gemini request (GenerateContentRequest) for a chat document, written in one pass.
std::string request_body(Json chat, const RequestOptions& options);
/// The body of a request that counts the tokens of the chat (CountTokensRequest). `model`: at
/// Gemini.
std::string count_body(Json chat, View model, const RequestOptions& options);

}  // namespace gatehouse::plugins::gemini
