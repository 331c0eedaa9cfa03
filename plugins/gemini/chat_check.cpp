/// Rules 1 and 2 of the chat document: nothing of a chat is dropped silently. Runs before each
/// request, as what Gemini has rejected of the tools may have changed since the last one.
#include "chat_check.h"

#include "api_json.h"
#include "files.h"
#include "gatehouse/toolkit/chat_parts.hpp"
#include "generation.h"

namespace gatehouse::plugins::gemini {
namespace {

class Check {
 public:
  Check(Json chat, const RequestOptions& options)
      : chat_(chat),
        options_(options),
        model_(options.model),
        offer_(offer_of(chat, options)),
        unhonoured_(
            chat, {"temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty",
                   "max_output_tokens", "stop", "reasoning", "provider_tools", "tool_choice",
                   "parallel_tool_calls", "response_format", "modalities", "count_only"}) {}

  Result<Unhonoured> run() {
    if (Status s = check_messages(); !s) return s;
    check_sampling();
    check_limits();
    check_tools();
    check_provider_tools();
    check_tool_choice();
    check_format();
    check_options();
    if (Status s = unhonoured_.check(); !s) return s;
    return std::move(unhonoured_);
  }

 private:
  Status check_messages() {
    return for_each_part(chat_, [this](Json part, const PartPlace& place) -> Status {
      const View type = part["type"].str();
      if (type == "file" || type == "reasoning-file") return check_file(part, place);
      if (type == "tool-call" && part["provider_executed"].boolean())
        check_foreign_call(part, place);
      return {};
    });
  }

  Status check_file(Json file, const PartPlace& place) {
    const Json data = file["data"], url = file["url"];
    if (!data && !url) return unsupported(place.text(), "the file has no `data` and no `url`");
    const bool is_empty = data.str().empty() && url.str().empty();
    if (is_empty || is_readable(model_, file)) return {};
    unhonoured_.add("messages", "the model cannot read " + place.text() + ", a file of type " +
                                    std::string(file["media_type"].str()) +
                                    ", and gets a note in its place");
    return {};
  }

  /// A tool that another provider ran has no form at Gemini.
  void check_foreign_call(Json call, const PartPlace& place) {
    const bool has_original = call["metadata"]["google"]["toolCall"].is_object();
    const bool is_code =
        call["name"].str() == "code_execution" && call["input"]["code"].is_string();
    if (model_.search && (has_original || is_code)) return;
    unhonoured_.add("messages",
                    place.text() + " is a call that was run elsewhere, and is left out");
  }

  void check_sampling() {
    for (const View name : {"temperature", "top_p", "top_k"}) {
      if (!model_.sampling && chat_[name]) unhonoured_.add(name, "the model ignores it");
    }
    for (const View name : {"presence_penalty", "frequency_penalty"}) {
      if (!model_.penalties && chat_[name]) unhonoured_.add(name, "the model does not accept it");
    }
    const std::string nearest = nearest_thinking(model_, reasoning_of(chat_));
    if (!nearest.empty()) unhonoured_.add("reasoning", "the model uses " + nearest + " instead");
  }

  void check_limits() {
    const std::int64_t most = model_.max_output_tokens;
    if (!model_.continuation && chat_["max_output_tokens"].integer() > most) {
      unhonoured_.add("max_output_tokens",
                      "the model responds with at most " + std::to_string(most) + " tokens");
    }
    if (chat_["stop"].size() > kMaxStops)
      unhonoured_.add("stop", "Gemini accepts 5 texts, and uses the first ones");
    const Json modalities = chat_["modalities"];
    const bool wants_text = modalities.size() == 1 && modalities.at(0).str() == "text";
    if (modalities.size() > 0 && !wants_text && model_.modalities.empty())
      unhonoured_.add("modalities", "the model responds with text");
  }

  void check_tools() {
    const std::size_t count = chat_["tools"].size();
    if (count > offer_.functions) {
      unhonoured_.add("tools", model_.functions ? std::to_string(count - offer_.functions) +
                                                      " of them are left out: Gemini rejects them, "
                                                      "or they are more than 512"
                                                : "the model calls no tools");
    }
    const Json parallel = chat_["parallel_tool_calls"];
    if (parallel && !parallel.boolean(true) && offer_.functions > 0)
      unhonoured_.add("parallel_tool_calls", "Gemini may call several tools at once");
  }

  void check_provider_tools() {
    if (chat_["tool_choice"]["mode"].str() == "none") return;
    for (const Json tool : chat_["provider_tools"]) {
      const std::string name(tool["name"].str());
      if (api_name_of(name).empty()) {
        unhonoured_.add("provider_tools", "Gemini has no tool `" + name + "`");
      } else if (!offer_.provider_tools) {
        unhonoured_.add("provider_tools",
                        model_.search ? "the model does not combine `" + name + "` with functions"
                                      : "the model does not have `" + name + "`");
      }
    }
  }

  void check_tool_choice() {
    const Json choice = chat_["tool_choice"];
    if (choice["mode"].str() == "required" && offer_.functions == 0)
      unhonoured_.add("tool_choice", "there is no tool to call");
    for (const Json name : choice["names"]) {
      if (!options_.names.offered(name.str()))
        unhonoured_.add("tool_choice", "there is no tool `" + std::string(name.str()) + "`");
    }
  }

  void check_format() {
    const Json format = chat_["response_format"];
    if (!format.is_object()) return;
    if (format["type"].str() != "json") {
      unhonoured_.add("response_format", "the only known type is `json`");
    } else if (!offer_.json) {
      unhonoured_.add("response_format",
                      "the prompt demands JSON, but the model is not held to it");
    }
  }

  void check_options() {
    for (const auto [name, value] : chat_["options"]["google"].members()) {
      if (!is_option(name, value))
        unhonoured_.add("options",
                        "`google." + std::string(name) + "` is unknown or of wrong type");
    }
  }

  const Json chat_;
  const RequestOptions& options_;
  const Model& model_;
  const Offer offer_;
  Unhonoured unhonoured_;
};

}  // namespace

Result<Unhonoured> check_chat(Json chat, const RequestOptions& options) {
  return Check(chat, options).run();
}

}  // namespace gatehouse::plugins::gemini
