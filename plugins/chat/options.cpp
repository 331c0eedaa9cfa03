#include "options.h"

#include <algorithm>
#include <cstdint>

#include "gatehouse/toolkit/model_options.hpp"

namespace gatehouse::plugins::chat {
namespace {

// More tokens than any model has. All numbers have bounds, so that no sum of a provider overflows.
constexpr std::int64_t kMostTokens = 10'000'000;

bool is_between(Json value, std::int64_t least, std::int64_t most) {
  return value.is_integer() && value.integer(least - 1) >= least &&
         value.integer(least - 1) <= most;
}

bool is_one_of(Json value, std::initializer_list<View> words) {
  return std::find(words.begin(), words.end(), value.str()) != words.end();
}

/// An array of `least` to `most` texts, each by `fits`.
template <class Fits>
bool is_list(Json value, std::size_t least, std::size_t most, Fits fits) {
  if (!value.is_array() || value.size() < least || value.size() > most) return false;
  for (const Json text : value) {
    if (!text.is_string() || !fits(text)) return false;
  }
  return true;
}

bool is_thinking(Json value) {
  return is_between(value, 0, kMostTokens) ||
         is_one_of(value, {"off", "minimal", "low", "medium", "high", "xhigh"});
}
bool is_temperature(Json value) {
  return value.is_number() && value.real() >= 0 && value.real() <= 2;
}
bool is_token_count(Json value) { return is_between(value, 1, kMostTokens); }
bool is_share(Json value) { return value.is_number() && value.real() >= 0 && value.real() <= 1; }
bool is_top_k(Json value) { return is_between(value, 1, 1000); }
bool is_seed(Json value) { return is_between(value, INT32_MIN, INT32_MAX); }
bool is_stop(Json value) {
  return is_list(value, 1, 5,
                 [](Json text) { return !text.str().empty() && text.str().size() <= 256; });
}
bool is_tool_choice(Json value) {
  return is_one_of(value, {"auto", "none", "required"}) || !value["name"].str().empty();
}
bool is_provider_tools(Json value) {
  return is_list(value, 0, 16, [](Json text) {
    return !text.str().empty() && text.str().size() <= 64 &&
           text.str().find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == View::npos;
  });
}
bool is_response_format(Json value) {
  return value.is_object() && (!value["schema"] || value["schema"].is_object());
}
bool is_modalities(Json value) {
  return is_list(value, 1, 3, [](Json text) {
    return is_one_of(text, {"text", "image", "audio"});
  });
}

}  // namespace

const std::vector<Option>& options() {
  static const std::vector<Option> kOptions = {
      {"thinking", "thinking", is_thinking,
       "off, minimal, low, medium, high, xhigh or a number of tokens"},
      {"temperature", "temperature", is_temperature, "a number from 0 to 2"},
      {"max_output_tokens", "maxOutputTokens", is_token_count, "an integer from 1 to 10000000"},
      {"top_p", "topP", is_share, "a number from 0 to 1"},
      {"top_k", "topK", is_top_k, "an integer from 1 to 1000"},
      {"seed", "seed", is_seed, "an integer of 32 bits"},
      {"stop", "stop", is_stop, "an array of 1 to 5 texts of 1 to 256 bytes"},
      {"tool_choice", "toolChoice", is_tool_choice,
       "auto, none, required or an object with the name of a tool"},
      {"provider_tools", "providerTools", is_provider_tools,
       "an array of up to 16 names such as google_search"},
      {"response_format", "responseFormat", is_response_format,
       "an object, whose schema is an object if it has one"},
      {"modalities", "modalities", is_modalities, "an array of text, image and audio"},
  };
  return kOptions;
}

BodyError check_options(Json given, const std::vector<std::string>& allowed) {
  for (const auto [key, value] : given.members()) {
    const auto option = std::find_if(options().begin(), options().end(),
                                     [name = key](const Option& o) { return o.body_name == name; });
    if (option == options().end()) {
      std::string known;
      for (const Option& o : options()) known.append(known.empty() ? "" : ", ").append(o.body_name);
      return " must hold only " + known;
    }
    if (value.is_null()) continue;
    const std::string place = std::string(".").append(option->body_name);
    if (std::find(allowed.begin(), allowed.end(), option->name) == allowed.end()) {
      return std::string(place)
          .append(" is not allowed: the gateway's operator can add ")
          .append(option->name)
          .append(" to chat.model_options");
    }
    if (!option->fits(value)) return std::string(place).append(" must be ").append(option->rule);
  }
  return std::nullopt;
}

}  // namespace gatehouse::plugins::chat
