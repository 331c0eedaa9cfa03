/// Models think by a budget of tokens, or adaptively by a level of effort, and each takes one of
/// them alone; a wish in the other scale becomes the nearest value.
#include "thinking.h"

namespace gatehouse::plugins::anthropic {
namespace {

constexpr std::int64_t kLeastBudget = 1024;  // the API rejects smaller ones

struct Level {
  View name;
  std::int64_t budget;
  View effort;  // of adaptive models
};
constexpr Level kLevels[] = {{"minimal", 1024, "low"},     {"low", 4096, "low"},
                             {"medium", 10'240, "medium"}, {"high", 24'576, "high"},
                             {"xhigh", 32'768, "xhigh"},   {"max", 65'536, "max"}};

const Level& level_of(Json wanted) {
  for (const Level& level : kLevels) {
    const bool fits =
        wanted.is_number() ? wanted.integer() <= level.budget : wanted.str() == level.name;
    if (fits) return level;
  }
  return *std::prev(std::end(kLevels));
}

/// The budget mode demands that the step which a tool loop continues begins with a thought of its
/// own, which that of another provider does not have, and continues no text of the model.
bool continues_without_thought(Json chat) {
  Json last;
  View role;
  for (const Json message : chat["messages"]) {
    role = message["role"].str();
    if (role == "assistant") last = message["content"];
  }
  if (role == "assistant") return true;
  for (const Json part : last) {
    const Json own = part["metadata"]["anthropic"];
    if (part["type"].str() == "reasoning" && (own["signature"] || own["redactedData"]))
      return false;
  }
  return role == "tool";
}

}  // namespace

std::int64_t max_tokens(Json chat, const RequestOptions& options) {
  const std::int64_t most = options.model.max_output_tokens;
  const std::int64_t wanted =
      chat["max_output_tokens"].integer(options.settings["max_output_tokens"].integer());
  return most > 0 ? std::min(wanted, most) : wanted;
}

ThinkingOptions::ThinkingOptions(Json chat, const RequestOptions& options) {
  const Json reasoning = chat["reasoning"];
  const Json in_chat =
      reasoning["budget_tokens"] ? reasoning["budget_tokens"] : reasoning["effort"];
  const Json own = chat["options"]["anthropic"]["effort"];
  const Json otherwise = own ? own : options.settings["thinking"];
  const Json wanted = in_chat ? in_chat : otherwise;
  visible_ = reasoning["visible"].boolean();
  const bool is_off = !wanted || wanted.str() == "none" || wanted.str() == "off" ||
                      (wanted.is_number() && wanted.integer() <= 0);
  if (is_off) return;
  set(wanted, options, max_tokens(chat, options));
  if (budget_ > 0 && continues_without_thought(chat)) {
    budget_ = 0;
    unhonoured_ = "the step that this request continues has no thought of this provider";
  }
  if (!in_chat) unhonoured_ = {};
}

void ThinkingOptions::set(Json wanted, const RequestOptions& options, std::int64_t max_tokens) {
  const Level& level = level_of(wanted);
  switch (options.model.thinking) {
    case Model::none: unhonoured_ = "the model does not think"; break;
    case Model::adaptive:
      effort_ = level.effort;
      if (effort_ == "xhigh" && options.model.sampling != Model::no_sampling)
        effort_ = "high";  // it came with 4.7
      break;
    case Model::budget:
      budget_ = wanted.is_number() ? std::max(wanted.integer(), kLeastBudget) : level.budget;
      budget_ = std::min(budget_, max_tokens / 4 * 3);  // what remains is for the response
      if (budget_ >= kLeastBudget) break;
      budget_ = 0;
      unhonoured_ = "max_output_tokens leaves no room for it";
      break;
  }
}

void ThinkingOptions::append(std::string& out, Json schema) const {
  JsonText json(out);
  if (budget_ > 0) {
    json.key("thinking").open('{').member("type", "enabled");
    json.member("budget_tokens", budget_).close('}');
  }
  if (!effort_.empty()) {
    json.key("thinking").open('{').member("type", "adaptive");
    if (visible_) json.member("display", "summarized");
    json.close('}');
  }
  if (effort_.empty() && !schema) return;
  json.key("output_config").open('{');
  if (!effort_.empty()) json.member("effort", effort_);
  if (schema) {
    json.key("format").open('{').member("type", "json_schema");
    json.member("schema", schema).close('}');
  }
  json.close('}');
}

}  // namespace gatehouse::plugins::anthropic
