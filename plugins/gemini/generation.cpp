#include "generation.h"

#include <algorithm>

#include "json_schema.h"
#include "json_text.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr std::size_t kMaxStops = 5;  // "stopSequences: up to 5", says the API
constexpr View kLevels[] = {"minimal", "low", "medium", "high", "xhigh"};
// What a level is worth in tokens, about as Google compares the two.
constexpr std::int64_t kBudgets[] = {0, 1024, 8192, 24576, 32768};

/// The place in kLevels that `thinking` asks for; "off" is the lowest.
std::size_t level_of(Json thinking) {
  if (thinking.is_number()) {
    const auto enough = std::find_if(std::begin(kBudgets), std::end(kBudgets),
                                     [&](std::int64_t b) { return b >= thinking.integer(); });
    return std::min<std::size_t>(enough - std::begin(kBudgets), std::size(kBudgets) - 1);
  }
  const auto level = std::find(std::begin(kLevels), std::end(kLevels), thinking.str());
  return level == std::end(kLevels) ? 0 : level - std::begin(kLevels);
}

/// That of the model which is nearest to what is asked for.
View nearest_level(const Model& model, Json thinking) {
  const auto distance = [wanted = level_of(thinking)](View level) {
    const std::size_t has =
        std::find(std::begin(kLevels), std::end(kLevels), level) - std::begin(kLevels);
    return has > wanted ? has - wanted : wanted - has;
  };
  return *std::min_element(model.levels.begin(), model.levels.end(),
                           [&](View a, View b) { return distance(a) < distance(b); });
}

std::int64_t nearest_budget(const Model& model, Json thinking) {
  const std::int64_t wanted =
      thinking.is_number() ? thinking.integer() : kBudgets[level_of(thinking)];
  if (wanted < 0) return -1;  // as much as the model finds right
  if (thinking.str() == "off" || thinking.integer(1) == 0)
    return model.off ? 0 : model.least_budget;
  return std::clamp(wanted, model.least_budget, model.most_budget);
}

void append_thinking(std::string& out, Json thinking, bool show, const Model& model) {
  if (model.thinking == Model::Thinking::none) return;
  const std::size_t start = out.size();
  key(out, "thinkingConfig");
  out.push_back('{');
  const std::size_t first = out.size();
  if (thinking && model.thinking == Model::Thinking::levels && thinking.integer() >= 0) {
    string_member(out, "thinkingLevel", nearest_level(model, thinking));
  }
  if (thinking && model.thinking == Model::Thinking::budget) {
    const std::int64_t budget = nearest_budget(model, thinking);
    key(out, "thinkingBudget");
    out.append(std::to_string(budget));
    show = show && budget != 0;
  }
  if (show && model.include_thoughts) {
    key(out, "includeThoughts");
    out.append("true");
  }
  out.size() == first ? out.resize(start) : out.push_back('}');
}

void append_image(std::string& out, Json image) {
  if (!image) return;
  key(out, "imageConfig");
  out.push_back('{');
  if (const Json ratio = image["aspect_ratio"]) json_member(out, "aspectRatio", ratio);
  if (const Json size = image["size"]) json_member(out, "imageSize", size);
  out.push_back('}');
}

void append_modalities(std::string& out, Json wanted, const Model& model) {
  if (wanted.size() == 0 && model.modalities.empty()) return;
  key(out, "responseModalities");
  out.push_back('[');
  const auto append = [&](View modality) {
    comma(out);
    quote(out, upper(modality));
  };
  for (const Json modality : wanted) append(modality.str());
  if (wanted.size() == 0) std::for_each(model.modalities.begin(), model.modalities.end(), append);
  out.push_back(']');
}

}  // namespace

std::string nearest_thinking(const Model& model, Json thinking) {
  if (thinking.is_string() && model.thinking == Model::Thinking::levels) {
    const View nearest = nearest_level(model, thinking);
    return nearest == thinking.str() ? std::string() : std::string(nearest);
  }
  if (model.thinking != Model::Thinking::budget) return {};
  const std::int64_t nearest = nearest_budget(model, thinking);
  const bool has = thinking.is_number() ? nearest == thinking.integer()
                                        : thinking.str() != "off" || nearest == 0;
  return has ? std::string() : std::to_string(nearest);
}

void append_generation(std::string& out, Json chat, Json settings, const Model& model,
                       bool answers_json) {
  const auto wanted = [&](View name) { return chat[name] ? Json(chat[name]) : settings[name]; };
  const auto copy = [&](View from, View to) {
    if (const Json value = wanted(from)) json_member(out, to, value);
  };
  key(out, "generationConfig");
  out.push_back('{');
  if (const std::int64_t limit = wanted("max_output_tokens").integer(); limit > 0) {
    key(out, "maxOutputTokens");
    out.append(
        std::to_string(model.continuation ? limit : std::min(limit, model.max_output_tokens)));
  }
  if (model.sampling) {
    copy("temperature", "temperature");
    copy("top_p", "topP");
    copy("top_k", "topK");
  }
  copy("seed", "seed");
  if (const Json stops = chat["stop"]; stops.size() > 0) {
    key(out, "stopSequences");
    out.push_back('[');
    std::size_t left = kMaxStops;
    for (const Json stop : stops) {
      if (left-- == 0) break;
      comma(out);
      stop.dump(out);
    }
    out.push_back(']');
  }
  append_thinking(out, wanted("thinking"), chat["reasoning"].boolean(), model);
  if (answers_json) {
    string_member(out, "responseMimeType", "application/json");
    if (const Json schema = chat["response_format"]["schema"]) {
      key(out, "responseJsonSchema");
      SchemaWriter(out).append(schema);
    }
  }
  append_modalities(out, model.modalities.empty() ? settings["modalities"] : wanted("modalities"),
                    model);
  append_image(out, settings["image"]);
  if (const Json resolution = settings["media_resolution"])
    string_member(out, "mediaResolution", "MEDIA_RESOLUTION_" + upper(resolution.str()));
  out.push_back('}');
}

}  // namespace gatehouse::plugins::gemini
