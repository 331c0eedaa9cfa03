#pragma once

#include <cstdint>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/json_text.hpp"
#include "gatehouse/toolkit/token_counts.hpp"

namespace gatehouse::plugins::responses {

/// What changes while a response is made.
struct ResponseState {
  View status = "in_progress";  ///< completed, incomplete or failed.
  View output{};                ///< The items, as JSON text of the elements of an array.
  View incomplete_reason{};     ///< max_output_tokens or content_filter; else empty.
  const TokenCounts* usage = nullptr;
  View error_code{}, error_message{};  ///< Of a failed one.
};

/// The object that stands for a response in bodies and events. It repeats how the client wants the
/// model to respond.
class ResponseObject {
 public:
  /// `random`: that of its id. `created_at_s`: seconds since 1970.
  ResponseObject(Json body, View random, std::int64_t created_at_s);

  /// Who responds: before write().
  void set_model(View model) { model_ = model; }
  void write(const ResponseState& state, JsonText& json) const;

 private:
  const std::string id_;
  const std::int64_t created_at_s_;
  const std::string repeated_;  // members, as JSON text
  std::string model_;
};

}  // namespace gatehouse::plugins::responses
