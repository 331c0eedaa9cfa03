#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// What is read of a GenerateContentResponse, one event of a stream. Found in one pass over its
/// members, as there are few of them and most of these are absent: then they are empty.
struct Chunk {
  explicit Chunk(Json response);

  Json candidates, error, usage, feedback;
  Json model, id, status;
};

/// The same of a candidate.
struct Candidate {
  explicit Candidate(Json candidate);

  Json content, parts;
  Json reason, message, continuation_token;
  Json grounding, url_context, citations;
};

/// The same of a part.
struct Part {
  explicit Part(Json part);

  Json whole;
  Json text, thought, signature;
  Json file, call;
  Json code, code_result;             ///< Of code that Google ran.
  Json server_call, server_response;  ///< Of other tools of Google.
};

}  // namespace gatehouse::plugins::gemini
