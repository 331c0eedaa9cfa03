#pragma once

#include <string>

namespace gatehouse::plugins::gemini {

/// What Gemini last reported about a response, each empty where it did not.
struct Report {
  std::string model;    ///< modelVersion
  std::string id;       ///< responseId
  std::string reason;   ///< finishReason
  std::string message;  ///< finishMessage
  std::string stage;    ///< modelStatus.modelStage
  std::string retires;  ///< modelStatus.retirementTime
};

}  // namespace gatehouse::plugins::gemini
