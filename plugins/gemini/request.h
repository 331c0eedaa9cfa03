#pragma once

#include "models.h"
#include "tool_names.h"

namespace gatehouse::plugins::gemini {

/// How a tool is declared: Gemini refuses a whole request for one declaration that it dislikes.
enum class ToolForm : char { whole, bare, left_out };

/// Gemini takes no more declarations of functions; those beyond are left out.
constexpr std::size_t kMaxFunctions = 512;

/// What a request takes from elsewhere than the chat document.
struct RequestOptions {
  const Model& model;
  Json settings;  ///< Of the model.
  ToolNames& names;
  std::vector<ToolForm> tools;      ///< In the order of the chat's; those beyond its end are whole.
  bool foreign_signatures = false;  ///< Gemini has refused the signatures of this conversation.
  View continuation_token = {};     ///< Of an answer that goes on.
};

/// The body of a Gemini request (GenerateContentRequest) for a chat document, written in one pass.
std::string request_body(Json chat, const RequestOptions& options);

}  // namespace gatehouse::plugins::gemini
