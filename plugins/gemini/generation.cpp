/// Chat and settings may name a level of thinking or a budget of tokens; each model takes one of
/// the two, with bounds of its own, so a wish becomes the nearest value.
#include "generation.h"

#include <algorithm>

#include "api_json.h"
#include "gatehouse/toolkit/effort.hpp"
#include "json_schema.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr View kLevels[] = {"minimal", "low", "medium", "high", "xhigh"};
// What Google's own API for clients of OpenAI makes of an effort:
// https://ai.google.dev/gemini-api/docs/openai
constexpr std::int64_t kBudgets[] = {1024, 1024, 8192, 24576, 24576};

/// Members of generationConfig that a chat may set in the API's words: what the operator has not
/// reserved to the settings, as the safety settings and the service tier are.
constexpr std::pair<View, int> kOptions[] = {{"mediaResolution", GH_STRING},
                                             {"imageConfig", GH_OBJECT},
                                             {"speechConfig", GH_OBJECT},
                                             {"audioTimestamp", GH_BOOL}};

bool is_off(Json thinking) {
  return thinking.str() == "off" || thinking.str() == "none" ||
         (thinking.is_number() && thinking.integer() == 0);
}

/// The level of an effort or a number of tokens; that of "off" is the lowest.
View level_of(Json thinking) {
  if (is_off(thinking)) return "none";
  return thinking.is_number() ? effort_for(thinking.integer()) : thinking.str();
}

std::int64_t budget_of(View effort) {
  const auto level = std::find(std::begin(kLevels), std::end(kLevels), effort);
  return kBudgets[std::min<std::size_t>(level - std::begin(kLevels), std::size(kLevels) - 1)];
}

std::int64_t least_budget(const Model& model) { return model.off ? 0 : model.least_budget; }

/// -1: as much as the model finds right.
std::int64_t nearest_budget(const Model& model, Json thinking) {
  if (is_off(thinking)) return least_budget(model);
  const std::int64_t wanted = thinking.is_number() ? thinking.integer() : budget_of(thinking.str());
  if (wanted < 0) return -1;
  return std::clamp(wanted, model.least_budget, model.most_budget);
}

class GenerationWriter {
 public:
  GenerationWriter(std::string& out, Json chat, Json settings, const Model& model)
      : out_(out),
        json_(out),
        chat_(chat),
        settings_(settings),
        options_(chat["options"]["google"]),
        model_(model) {}

  void write(bool json) {
    json_.key("generationConfig").open('{');
    append_limit();
    append_sampling();
    append_stops();
    append_thinking();
    if (json) append_format();
    append_modalities();
    append_options();
    json_.close('}');
  }

 private:
  Json wanted(View name) const {
    const Json in_chat = chat_[name];
    return in_chat ? in_chat : settings_[name];
  }
  void copy(View from, View to) {
    if (const Json value = wanted(from)) json_.member(to, value);
  }

  void append_limit() {
    const std::int64_t limit = wanted("max_output_tokens").integer();
    if (limit <= 0) return;
    json_.member("maxOutputTokens",
                 model_.continuation ? limit : std::min(limit, model_.max_output_tokens));
  }

  void append_sampling() {
    if (model_.sampling) {
      copy("temperature", "temperature");
      copy("top_p", "topP");
      copy("top_k", "topK");
    }
    copy("seed", "seed");
    if (!model_.penalties) return;
    copy("presence_penalty", "presencePenalty");
    copy("frequency_penalty", "frequencyPenalty");
  }

  void append_stops() {
    member_unless_empty(out_, "stopSequences", "[]", [&] {
      std::size_t left = kMaxStops;
      for (const Json stop : chat_["stop"]) {
        if (left-- == 0) break;
        json_.value(stop);
      }
    });
  }

  void append_thinking() {
    if (model_.thinking == Model::Thinking::none) return;
    const Json in_chat = reasoning_of(chat_);
    const Json thinking = in_chat ? in_chat : settings_["thinking"];
    bool show = chat_["reasoning"]["visible"].boolean() && model_.include_thoughts;
    member_unless_empty(out_, "thinkingConfig", "{}", [&] {
      if (thinking && model_.thinking == Model::Thinking::levels && thinking.integer() >= 0)
        json_.member("thinkingLevel", nearest_effort(model_.levels, level_of(thinking)));
      if (thinking && model_.thinking == Model::Thinking::budget) {
        // The operator's `minimal` is the least that the model has; a client's still thinks.
        const bool is_least = !in_chat && thinking.str() == "minimal";
        const std::int64_t budget =
            is_least ? least_budget(model_) : nearest_budget(model_, thinking);
        json_.member("thinkingBudget", budget);
        show = show && budget != 0;
      }
      if (show) json_.member("includeThoughts", true);
    });
  }

  void append_format() {
    json_.member("responseMimeType", "application/json");
    const Json schema = chat_["response_format"]["schema"];
    if (!schema) return;
    json_.key("responseJsonSchema");
    SchemaWriter(out_).append(schema);
  }

  void append_modalities() {
    const Json wished = model_.modalities.empty() ? settings_["modalities"] : wanted("modalities");
    member_unless_empty(out_, "responseModalities", "[]", [&] {
      for (const Json modality : wished) json_.value(upper(modality.str()));
      if (wished.size() > 0) return;
      for (const std::string& modality : model_.modalities) json_.value(upper(modality));
    });
  }

  void append_options() {
    const Json image = settings_["image"];
    if (image && !is_option("imageConfig", options_["imageConfig"])) {
      json_.key("imageConfig").open('{');
      if (const Json ratio = image["aspect_ratio"]) json_.member("aspectRatio", ratio);
      if (const Json size = image["size"]) json_.member("imageSize", size);
      json_.close('}');
    }
    const Json resolution = settings_["media_resolution"];
    if (resolution && !is_option("mediaResolution", options_["mediaResolution"]))
      json_.member("mediaResolution", "MEDIA_RESOLUTION_" + upper(resolution.str()));
    for (const auto [name, value] : options_.members()) {
      if (is_option(name, value)) json_.member(name, value);
    }
  }

  std::string& out_;
  JsonText json_;
  const Json chat_, settings_, options_;
  const Model& model_;
};

}  // namespace

Json reasoning_of(Json chat) {
  const Json budget = chat["reasoning"]["budget_tokens"];
  return budget ? budget : chat["reasoning"]["effort"];
}

std::string nearest_thinking(const Model& model, Json thinking) {
  if (!thinking || thinking.integer() < 0 || thinking.str() == "max") return {};
  if (model.thinking == Model::Thinking::none) return is_off(thinking) ? "" : "none";
  if (model.thinking == Model::Thinking::levels) {
    const View nearest = nearest_effort(model.levels, level_of(thinking));
    return nearest == thinking.str() ? std::string() : std::string(nearest);
  }
  const std::int64_t nearest = nearest_budget(model, thinking);
  const bool has =
      thinking.is_number() ? nearest == thinking.integer() : !is_off(thinking) || nearest == 0;
  return has ? std::string() : std::to_string(nearest);
}

bool is_option(View name, Json value) {
  return std::find(std::begin(kOptions), std::end(kOptions), std::pair(name, value.type())) !=
         std::end(kOptions);
}

void append_generation(std::string& out, Json chat, Json settings, const Model& model, bool json) {
  GenerationWriter(out, chat, settings, model).write(json);
}

}  // namespace gatehouse::plugins::gemini
