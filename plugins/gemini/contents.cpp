#include "contents.h"

#include <algorithm>
#include <unordered_map>

#include "files.h"
#include "json_text.h"

namespace gatehouse::plugins::gemini {
namespace {

// Gemini takes this in place of a signature that it never gave or no longer knows:
// https://ai.google.dev/gemini-api/docs/thought-signatures
constexpr View kDummy = "skip_thought_signature_validator";
// What the user says where Gemini demands a turn of theirs.
constexpr View kGoOn = "Continue.";
// Of a result that goes as JSON. Its protocol ends at 100, and each of our levels takes two or
// three of those.
constexpr int kMaxDepth = 32;

bool is_call(Json part) {
  return part["type"].str() == "tool-call" && !part["provider_executed"].boolean();
}

/// Gemini takes a member `$ref` for a reference to a part of the result, and refuses the request
/// when there is no such part.
bool must_be_text(Json value, int depth = 0) {
  if (depth > kMaxDepth) return true;
  for (const auto [name, member] : value.members()) {
    if (name == "$ref" || must_be_text(member, depth + 1)) return true;
  }
  if (!value.is_array()) return false;
  for (const Json element : value) {
    if (must_be_text(element, depth + 1)) return true;
  }
  return false;
}

/// Whether a file may stand inside the result of a function.
bool is_response_type(View media_type) {
  static constexpr View kTypes[] = {"image/png",  "image/jpeg",      "image/webp",
                                    "image/heic", "application/pdf", "text/plain"};
  return std::find(std::begin(kTypes), std::end(kTypes), media_type) != std::end(kTypes);
}

class Conversation {
 public:
  Conversation(std::string& out, const RequestOptions& options)
      : out_(out), options_(options), model_(options.model) {}

  void append(Json chat) {
    if (!model_.system_instruction) {
      for_each_system_text(chat,
                           [&](const std::string& text) { system_.append(text).append("\n\n"); });
    }
    std::vector<Json> messages;
    for (const Json message : chat["messages"]) messages.push_back(message);
    for (auto message = messages.begin(); message != messages.end(); ++message) {
      const View role = (*message)["role"].str();
      if (role == "user") append_user(*message);
      if (role == "assistant") {
        const auto end = std::find_if(message + 1, messages.end(),
                                      [](Json m) { return m["role"].str() != "tool"; });
        append_step(*message, {message + 1, end});
      }
    }
    if (ends_with_model_ && !model_.last_turn_model)
      append_turn("user", [&] { append_text(out_, kGoOn); });
  }

 private:
  using Results = std::unordered_multimap<View, Json>;

  /// A turn comes into being with its first part: Gemini refuses those without any.
  template <typename Function>
  void append_turn(View role, Function append_parts) {
    const std::size_t start = out_.size();
    const bool is_model = role == "model";
    const bool is_first = out_.back() == '[';
    if (is_first && is_model) {
      open("user");
      append_text(out_, system_.empty() ? kGoOn : View(system_));
      out_.append("]}");
    }
    open(role);
    if (is_first && !is_model && !system_.empty()) append_text(out_, system_);
    const std::size_t first = out_.size();
    append_parts();
    if (out_.size() == first) return out_.resize(start);
    out_.append("]}");
    ends_with_model_ = is_model;
  }
  void open(View role) {
    comma(out_);
    out_.append("{\"role\":\"").append(role).append("\",\"parts\":[");
  }

  void append_user(Json message) {
    append_turn("user", [&] {
      for (const Json part : message["content"]) append_part(part);
    });
  }

  /// What the model said in one step, and what came of its calls: each has exactly one result, in
  /// the order of the calls.
  void append_step(Json message, const std::vector<Json>& tool_messages) {
    std::vector<Json> calls;
    for (const Json part : message["content"]) {
      if (is_call(part)) calls.push_back(part);
    }
    Results results;
    if (!calls.empty()) results = results_of(tool_messages);
    const bool answered = std::any_of(
        calls.begin(), calls.end(), [&](Json call) { return results.count(call["id"].str()) > 0; });

    bool needs_signature =  // the first call of a step
        model_.signature == Model::Signature::dummy ||
        (options_.foreign_signatures && model_.signature == Model::Signature::optional);
    const auto append_parts = [&] {
      for (const Json part : message["content"]) {
        if (!is_call(part)) {
          append_part(part);
        } else if (answered) {
          append_call(part, needs_signature);
          needs_signature = false;
        }
      }
    };
    if (answered && ends_with_model_) {  // a call has to come in the turn after the user's
      out_.resize(out_.size() - View("]}").size());
      append_parts();
      out_.append("]}");
    } else {
      append_turn("model", append_parts);
    }
    if (answered) append_results(calls, results);
  }

  static Results results_of(const std::vector<Json>& tool_messages) {
    Results results;
    for (const Json message : tool_messages) {
      for (const Json part : message["content"]) {
        if (part["type"].str() == "tool-result") results.emplace(part["id"].str(), part);
      }
    }
    return results;
  }

  void append_results(const std::vector<Json>& calls, Results& results) {
    std::vector<std::pair<View, Json>> files;  // with the tool that they are from
    const bool files_beside = calls.size() == 1 && !model_.response_parts;
    append_turn("user", [&] {
      for (const Json call : calls) {
        const auto result = results.find(call["id"].str());
        append_result(call, result == results.end() ? Json() : result->second, files);
        if (result != results.end())
          results.erase(result);  // another call of this id has a result of its own
      }
      if (!files_beside) return;
      for (const auto& [name, file] : files) append_part(file);
    });
    if (files_beside || files.empty()) return;
    append_turn("user", [&] {  // beside several results, Gemini counts files as results
      for (const auto& [name, file] : files) {
        const bool is_image = file["media_type"].str().substr(0, 6) == "image/";
        append_text(out_, std::string(is_image ? "Images" : "Files") + " returned by " +
                              std::string(name) + ":");
        append_part(file);
      }
    });
  }

  /// `files`: gets those that the result cannot hold.
  void append_result(Json call, Json result, std::vector<std::pair<View, Json>>& files) {
    const View name = options_.names.out(call["name"].str());
    comma(out_);
    out_.append("{\"functionResponse\":{");
    append_id(call);
    string_member(out_, "name", name);
    key(out_, "response");
    out_.push_back('{');
    string_member(out_, "name", name);
    const Json content = result["content"];
    if (content.is_array()) {
      append_content(content, name, files);
    } else if (const Json output = result["output"]) {
      must_be_text(output) ? string_member(out_, "content", output.dump())
                           : json_member(out_, "content", output);
    } else {
      string_member(out_, "error", result["error"].str("There is no result."));
    }
    out_.push_back('}');
    if (content.is_array() && model_.response_parts) append_response_parts(content);
    out_.append("}}");
  }

  void append_content(Json content, View name, std::vector<std::pair<View, Json>>& files) {
    key(out_, "content");
    out_.append("{\"content\":[");
    const auto append_entry = [&](auto append_member) {
      comma(out_);
      out_.append("{\"type\":\"text\"");
      append_member();
      out_.push_back('}');
    };
    const std::size_t first = out_.size();
    for (const Json part : content) {
      if (part["type"].str() == "text") {
        append_entry([&] { string_member(out_, "text", part["text"].str()); });
      } else if (!takes_type(model_, part["media_type"].str())) {
        append_entry([&] { append_file(out_, part, model_); });
      } else if (!is_inside(part)) {
        files.emplace_back(name, part);
      }
    }
    if (out_.size() == first)
      append_entry([&] { string_member(out_, "text", "(see attached file)"); });
    out_.append("]}");
  }

  bool is_inside(Json file) const {
    return model_.response_parts && file["data"] && is_response_type(file["media_type"].str());
  }

  void append_response_parts(Json content) {
    const std::size_t start = out_.size();
    key(out_, "parts");
    out_.push_back('[');
    const std::size_t first = out_.size();
    for (const Json part : content) {
      if (part["type"].str() == "file" && is_inside(part)) append_part(part);
    }
    out_.size() == first ? out_.resize(start) : out_.push_back(']');
  }

  void append_id(Json call) {
    if (const View id = call["id"].str(); !id.empty()) string_member(out_, "id", id);
  }

  void append_call(Json part, bool needs_signature) {
    comma(out_);
    out_.append("{\"functionCall\":{");
    append_id(part);
    string_member(out_, "name", options_.names.out(part["name"].str()));
    key(out_, "args");
    append_arguments(part["input"]);
    out_.push_back('}');
    const View signature = signature_of(part["metadata"]["google"]);
    if (!signature.empty() || needs_signature)
      string_member(out_, "thoughtSignature", signature.empty() ? kDummy : signature);
    out_.push_back('}');
  }

  void append_arguments(Json input) {
    if (input.is_object()) return input.dump(out_);
    out_.push_back('{');
    if (!input.is_null())
      json_member(out_, "value", input);  // of a tool whose arguments are no object
    out_.push_back('}');
  }

  /// All parts but calls of functions and their results. Those of types we do not know are left
  /// out.
  void append_part(Json part) {
    const View type = part["type"].str();
    const Json google = part["metadata"]["google"];
    const bool is_thought = type == "reasoning" || type == "reasoning-file";
    if (is_thought && !keeps_thoughts()) return;
    if (part["provider_executed"].boolean()) return append_server_part(part);

    const View text = part["text"].str();
    const View signature = signature_of(google);
    const std::size_t start = out_.size();
    comma(out_);
    out_.push_back('{');
    if ((type == "text" || type == "reasoning") &&
        (!text.empty() || (!signature.empty() && keeps_thoughts()))) {
      string_member(out_, "text", text);
    } else if ((type == "file" || type == "reasoning-file") &&
               !(part["data"].str().empty() && part["url"].str().empty())) {
      append_file(out_, part, model_);
    } else {
      return out_.resize(start);
    }
    if (is_thought) out_.append(",\"thought\":true");
    if (!signature.empty()) string_member(out_, "thoughtSignature", signature);
    out_.push_back('}');
  }

  /// Tools that Google runs: their calls and results go back as they came.
  void append_server_part(Json part) {
    if (!model_.search) return;
    const Json google = part["metadata"]["google"];
    for (const char* kind : {"toolCall", "toolResponse"}) {
      if (const Json original = google[kind]; original[kind].is_object()) append_original(original);
    }
    if (part["name"].str() != "code_execution") return;
    const bool is_result = part["type"].str() == "tool-result";
    if (!is_result && part["input"]["code"].is_string()) {
      code_id_ = part["id"].str();
      append_code("executableCode", part["input"], google);
    } else if (is_result && code_id_ && *code_id_ == part["id"].str()) {
      append_code("codeExecutionResult", part["output"], google);
    }
  }

  void append_original(Json original) {
    comma(out_);
    out_.push_back('{');
    for (const auto [name, value] : original.members()) {
      if (name == "thoughtSignature") continue;
      comma(out_);
      quote(out_, name);
      out_.push_back(':');
      value.dump(out_);
    }
    if (const View signature = signature_of(original); !signature.empty())
      string_member(out_, "thoughtSignature", signature);
    out_.push_back('}');
  }

  void append_code(View kind, Json value, Json google) {
    comma(out_);
    out_.push_back('{');
    key(out_, kind);
    value.is_object() ? value.dump(out_) : void(out_.append("{\"outcome\":\"OUTCOME_FAILED\"}"));
    if (const View signature = signature_of(google); !signature.empty())
      string_member(out_, "thoughtSignature", signature);
    out_.push_back('}');
  }

  bool keeps_thoughts() const {
    return model_.signature != Model::Signature::strip && !options_.foreign_signatures;
  }

  View signature_of(Json google) const {
    const View signature = google["thoughtSignature"].str();
    if (signature.empty() || model_.signature == Model::Signature::strip) return {};
    return options_.foreign_signatures ? kDummy : signature;
  }

  std::string& out_;
  const RequestOptions& options_;
  const Model& model_;
  std::string system_;  // where it has to be a part of the first turn
  bool ends_with_model_ = false;
  std::optional<View> code_id_;  // of the code that a result may belong to
};

}  // namespace

void append_text(std::string& out, View text) {
  comma(out);
  out.push_back('{');
  string_member(out, "text", text);
  out.push_back('}');
}

void append_contents(std::string& out, Json chat, const RequestOptions& options) {
  key(out, "contents");
  out.push_back('[');
  Conversation(out, options).append(chat);
  out.push_back(']');
}

}  // namespace gatehouse::plugins::gemini
