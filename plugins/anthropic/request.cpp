/// A request of the Messages API: the turns of the conversation are arranged as views of the chat
/// document, then everything is written straight into a string. What it cannot carry was found by
/// check_chat() before, by the same rules.
#include "request.h"

#include <set>

#include "gatehouse/toolkit/data_url.hpp"
#include "thinking.h"
#include "turns.h"

namespace gatehouse::plugins::anthropic {
namespace {

constexpr std::size_t kMaxMarks = 4;  // of caches in a request
constexpr View kGoOn = "Continue.";   // the user's text where the API demands a turn of theirs

/// What a file of the user becomes; empty: nothing that the API takes.
View block_type(Json file) {
  const std::string type = plain_type(file["media_type"].str());
  const bool is_native = is_common_image(type) || type == "application/pdf";
  const View data = file["data"].str();
  if (is_text_type(type)) return text_of(file) ? "document" : "";
  if (!is_native ||
      !(file["data"] ? is_base64(data) : file["url"].str().substr(0, 8) == "https://"))
    return "";
  return is_common_image(type) ? "image" : "document";
}

bool is_surplus_top_p(Json chat, const RequestOptions& options) {
  return options.model.sampling == Model::one_of_two && chat["temperature"];
}

class RequestWriter {
 public:
  RequestWriter(Json chat, const RequestOptions& options, ChatNames& names)
      : chat_(chat),
        options_(options),
        names_(names),
        thinking_(chat, options),
        turns_(turns_of(chat, options.model)),
        json_(out_) {}

  std::string write() {
    place_marks();
    const bool counts = is_count_only(chat_);  // such a request has no members about the response
    json_.open('{').member("model", chat_["model"]);
    if (!counts) json_.member("max_tokens", max_tokens(chat_, options_));
    if (!counts) append_sampling();
    thinking_.append(out_, chat_["response_format"]["schema"]);
    append_system();
    json_.key("messages").open('[');
    for (const Turn& turn : turns_) append_turn(turn, &turn == &turns_.back());
    json_.close(']');
    append_tools();
    if (!counts) json_.member("stream", true);
    json_.close('}');
    return std::move(out_);
  }

 private:
  void append_sampling() {
    if (options_.sampling && !thinking_.is_on()) {
      if (const Json t = chat_["temperature"])
        json_.key("temperature").raw(t.real() > 1 ? "1" : t.dump());
      if (chat_["top_p"] && !is_surplus_top_p(chat_, options_))
        json_.member("top_p", chat_["top_p"]);
      if (chat_["top_k"]) json_.member("top_k", chat_["top_k"]);
    }
    append_stops();
  }

  void append_stops() {
    const std::size_t start = out_.size();
    json_.key("stop_sequences").open('[');
    const std::size_t first = out_.size();
    for (const Json stop : chat_["stop"]) {
      if (!is_blank(stop.str())) json_.value(stop);
    }
    if (out_.size() == first) return out_.resize(start);
    json_.close(']');
  }

  /// One block, unless the chat marks texts inside for the cache: each of these ends a block.
  void append_system() {
    std::string text;
    for (const Json part : chat_["system"]) add_system_text(part, {}, text);
    for (const Json message : chat_["messages"]) {
      if (message["role"].str() != "system") continue;
      View before = "\n\n";
      for (const Json part : message["content"])
        add_system_text(part, std::exchange(before, View()), text);
    }
    if (!is_blank(text)) append_system_block(text, has_automatic_marks(), Json());
    if (has_system_) json_.close(']');
  }

  void add_system_text(Json part, View before, std::string& text) {
    if (!text.empty()) text.append(before);
    text.append(part["text"].str());
    if (marked_.count(part.raw()) == 0 || is_blank(text)) return;
    append_system_block(text, true, mark_of(part));
    text.clear();
  }

  void append_system_block(View text, bool has_mark, Json mark) {
    if (!has_system_) json_.key("system").open('[');
    has_system_ = true;
    json_.open('{').member("type", "text").member("text", text);
    if (has_mark) append_mark(mark);
    json_.close('}');
  }

  void append_turn(const Turn& turn, bool is_last) {
    json_.open('{').member("role", turn.role).key("content").open('[');
    for (const Block& block : turn.blocks) {
      json_.open('{');
      append_block(block, is_last && &block == &turn.blocks.back());
      if (block.has_cache_mark) append_mark(mark_of(block.part));
      json_.close('}');
    }
    json_.close(']').close('}');
  }

  void append_block(const Block& block, bool is_last) {
    const Json part = block.part, own = part["metadata"]["anthropic"];
    switch (block.kind) {
      case Block::text: return append_text(part["text"].str(), is_last);
      case Block::go_on: return append_text(kGoOn, false);
      case Block::file: return append_file(part);
      case Block::thinking:
        json_.member("type", "thinking").member("thinking", part["text"].str());
        json_.member("signature", own["signature"]);
        break;
      case Block::redacted:
        json_.member("type", "redacted_thinking").member("data", own["redactedData"]);
        break;
      case Block::call:
        json_.member("type", "tool_use");
        append_call_id("id", block);
        json_.member("name", names_.tools.out(part["name"].str())).key("input");
        append_input(out_, part["input"]);
        break;
      case Block::result: append_result(block); break;
    }
  }

  /// "final assistant content cannot end with trailing whitespace" is the error for others.
  void append_text(View text, bool is_last) {
    if (is_last && turns_.back().role == "assistant")
      text = text.substr(0, text.find_last_not_of(" \t\r\n\f\v") + 1);
    json_.member("type", "text").member("text", text);
  }

  void append_file(Json file) {
    const std::string type = plain_type(file["media_type"].str());
    const View block = block_type(file);
    json_.member("type", block).key("source").open('{');
    if (!file["data"]) {
      json_.member("type", "url").member("url", file["url"]);
    } else if (is_text_type(type)) {
      json_.member("type", "text").member("media_type", "text/plain");
      json_.member("data", View(*text_of(file)));
    } else {
      json_.member("type", "base64").member("media_type", View(type)).member("data", file["data"]);
    }
    json_.close('}');
    if (block == "document" && file["name"]) json_.member("title", file["name"]);
  }

  /// "tool_use ids must be unique": some servers number the calls of each response anew.
  void append_call_id(View member, const Block& block) {
    std::string id(block.part["id"].str());
    if (block.repetition > 0) id.append("-again-").append(std::to_string(block.repetition));
    json_.member(member, names_.calls.out(id));
  }

  void append_result(const Block& block) {
    const Json result = block.part;
    json_.member("type", "tool_result");
    append_call_id("tool_use_id", block);
    json_.key("content");
    if (const Json content = result["content"]; content.is_array()) {
      json_.open('[');
      for (const Json part : content) append_result_part(part);
      json_.close(']');
    } else {
      json_.value(View(output_text(result["output"])));
    }
    if (result["error"].boolean()) json_.member("is_error", true);
  }

  /// Texts, images and PDF; of other files the model gets a note.
  void append_result_part(Json part) {
    const bool is_text = part["type"].str() == "text";
    if (is_text && part["text"].str().empty()) return;
    json_.open('{');
    if (is_text) {
      json_.member("type", "text").member("text", part["text"]);
    } else if (!block_type(part).empty() && !is_text_type(plain_type(part["media_type"].str()))) {
      append_file(part);
    } else {
      const std::string type(part["media_type"].str());
      json_.member("type", "text").member("text", "(a file of type " + type + " was left out)");
    }
    json_.close('}');
  }

  void append_tools() {
    const std::vector<Json> tools = offered_tools(chat_);
    if (tools.empty()) return;
    json_.key("tools").open('[');
    for (const Json& tool : tools) {
      json_.open('{').member("name", names_.tools.out(tool["name"].str()));
      if (tool["description"]) json_.member("description", tool["description"]);
      json_.key("input_schema");
      append_arguments_schema(out_, tool["input_schema"]);
      const bool is_last = &tool == &tools.back();
      if (marked_.count(tool.raw()) > 0) append_mark(mark_of(tool));
      if (has_automatic_marks() && is_last) append_mark();
      json_.close('}');
    }
    json_.close(']');
    append_tool_choice();
  }

  void append_tool_choice() {
    const View mode = chat_["tool_choice"]["mode"].str();
    const bool is_one = !chat_["parallel_tool_calls"].boolean(true) && mode != "none";
    if (mode != "none" && mode != "required" && !is_one) return;
    const bool is_any = mode == "required" && !thinking_.has_budget();
    json_.key("tool_choice").open('{');
    json_.member("type", mode == "none" ? "none" : is_any ? "any" : "auto");
    if (is_one) json_.member("disable_parallel_tool_use", true);
    json_.close('}');
  }

  // ---- Marks of caches: up to four places, up to each of which the prompt is cached
  // --------------

  bool has_automatic_marks() const { return static_cast<bool>(options_.settings["cache"]); }
  static Json mark_of(Json part) { return part["metadata"]["anthropic"]["cacheControl"]; }

  /// The last parts that the chat marks, as many as the API takes and the settings leave.
  void place_marks() {
    std::size_t left = kMaxMarks;
    if (has_automatic_marks()) {
      left -= 2;  // tools, system
      for (auto block = turns_.back().blocks.rbegin(); block != turns_.back().blocks.rend();
           ++block) {
        if (block->kind == Block::thinking || block->kind == Block::redacted) continue;
        block->has_cache_mark = true;
        --left;
        break;
      }
    }
    for (auto turn = turns_.rbegin(); turn != turns_.rend(); ++turn) {
      for (auto block = turn->blocks.rbegin(); block != turn->blocks.rend() && left > 0; ++block) {
        const bool may_have = block->kind != Block::thinking && block->kind != Block::redacted;
        if (block->has_cache_mark || !may_have || !mark_of(block->part).is_object()) continue;
        block->has_cache_mark = true;
        --left;
      }
    }
    if (!has_automatic_marks()) mark_prompt(left);
  }

  /// The system prompt and the tools, which the API reads before it.
  void mark_prompt(std::size_t left) {
    std::vector<Json> parts = offered_tools(chat_);
    for (const Json part : chat_["system"]) parts.push_back(part);
    for (const Json message : chat_["messages"]) {
      if (message["role"].str() != "system") continue;
      for (const Json part : message["content"]) parts.push_back(part);
    }
    for (auto part = parts.rbegin(); part != parts.rend() && left > 0; ++part) {
      if (mark_of(*part).is_object() && marked_.insert(part->raw()).second) --left;
    }
  }

  /// `given`: by the chat.
  void append_mark(Json given = Json()) {
    const View ttl = given.is_object() ? given["ttl"].str() : options_.settings["cache"].str();
    json_.key("cache_control").open('{').member("type", "ephemeral");
    if (ttl == "1h") json_.member("ttl", "1h");
    json_.close('}');
  }

  const Json chat_;
  const RequestOptions& options_;
  ChatNames& names_;
  const ThinkingOptions thinking_;
  std::vector<Turn> turns_;
  std::set<const gh_json*> marked_;  // tools and system texts
  bool has_system_ = false;
  std::string out_;
  JsonText json_;
};

Status check_part(Json part, const PartPlace& place, Unhonoured& unhonoured) {
  const View type = part["type"].str();
  if (place.role == "user" && type == "file" && block_type(part).empty())
    return unsupported(place.text(), "the API does not read this file");
  const bool is_foreign = type == "file" || type == "reasoning-file" ||
                          (type == "tool-call" && part["provider_executed"].boolean());
  if (place.role == "assistant" && is_foreign)
    unhonoured.add("messages", place.text() + " is from another provider, and is left out");
  return {};
}

void check_generation(Json chat, const RequestOptions& options, Unhonoured& unhonoured) {
  const ThinkingOptions thinking(chat, options);
  for (const View name : {"temperature", "top_p", "top_k"}) {
    if (!chat[name]) continue;
    if (!options.sampling) unhonoured.add(name, "the model does not accept it");
    if (options.sampling && thinking.is_on())
      unhonoured.add(name, "the model does not accept it while it thinks");
  }
  if (chat["temperature"].real() > 1 && options.sampling)
    unhonoured.add("temperature", "the highest is 1");
  if (chat["top_p"] && options.sampling && is_surplus_top_p(chat, options))
    unhonoured.add("top_p", "the model accepts one of it and `temperature`");
  for (const Json stop : chat["stop"]) {
    if (is_blank(stop.str())) unhonoured.add("stop", "the API rejects white space");
  }
  if (chat["max_output_tokens"].integer() > max_tokens(chat, options)) {
    unhonoured.add("max_output_tokens", "the model responds with at most " +
                                            std::to_string(max_tokens(chat, options)) + " tokens");
  }
  if (const View why = thinking.unhonoured(); !why.empty()) unhonoured.add("reasoning", why);
  const Json modalities = chat["modalities"], format = chat["response_format"];
  if (modalities.size() > 1 || (modalities.size() == 1 && modalities.at(0).str() != "text"))
    unhonoured.add("modalities", "the model responds with text");
  if (format.is_object() && !format["schema"])
    unhonoured.add("response_format", "the API demands a schema");
  for (const auto [name, value] : chat["options"]["anthropic"].members()) {
    if (name != "effort")
      unhonoured.add("options", "`anthropic." + std::string(name) + "` is unknown");
  }
}

}  // namespace

Result<Unhonoured> check_chat(Json chat, const RequestOptions& options) {
  Unhonoured unhonoured(
      chat, {"temperature", "top_p", "top_k", "max_output_tokens", "stop", "reasoning",
             "tool_choice", "parallel_tool_calls", "response_format", "modalities", "count_only"});
  Status known = for_each_part(
      chat, [&](Json part, const PartPlace& place) { return check_part(part, place, unhonoured); });
  if (!known) return known;
  check_generation(chat, options, unhonoured);
  const Json choice = chat["tool_choice"];
  const bool has_tools = !offered_tools(chat).empty();
  if (choice["mode"].str() == "required" && !has_tools)
    unhonoured.add("tool_choice", "there is no tool to call");
  if (choice["mode"].str() == "required" && ThinkingOptions(chat, options).has_budget())
    unhonoured.add("tool_choice", "a model that thinks decides itself whether to call a tool");
  if (Status s = unhonoured.check(); !s) return s;
  return unhonoured;
}

std::string request_body(Json chat, const RequestOptions& options, ChatNames& names) {
  return RequestWriter(chat, options, names).write();
}

}  // namespace gatehouse::plugins::anthropic
