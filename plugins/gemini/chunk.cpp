#include "chunk.h"

namespace gatehouse::plugins::gemini {

Chunk::Chunk(Json response) {
  for (const auto [name, value] : response.members()) {
    if (name == "candidates") candidates = value;
    if (name == "error") error = value;
    if (name == "usageMetadata") usage = value;
    if (name == "promptFeedback") feedback = value;
    if (name == "modelVersion") model = value;
    if (name == "responseId") id = value;
    if (name == "modelStatus") status = value;
  }
}

Candidate::Candidate(Json candidate) {
  for (const auto [name, value] : candidate.members()) {
    if (name == "content") content = value;
    if (name == "finishReason") reason = value;
    if (name == "finishMessage") message = value;
    if (name == "continuationToken") continuation_token = value;
    if (name == "groundingMetadata") grounding = value;
    if (name == "urlContextMetadata") url_context = value;
    if (name == "citationMetadata") citations = value;
  }
  parts = content["parts"];
}

Part::Part(Json part) : whole(part) {
  for (const auto [name, value] : part.members()) {
    if (name == "text") text = value;
    if (name == "thought") thought = value;
    if (name == "thoughtSignature") signature = value;
    if (name == "inlineData") file = value;
    if (name == "functionCall") call = value;
    if (name == "executableCode") code = value;
    if (name == "codeExecutionResult") code_result = value;
    if (name == "toolCall") server_call = value;
    if (name == "toolResponse") server_response = value;
  }
}

}  // namespace gatehouse::plugins::gemini
