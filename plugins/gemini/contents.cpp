/// Gemini insists on an order of turns: user and model by turns, the user first; each call of a
/// function in the turn after the user's, with exactly one result in the next turn, in the order of
/// the calls. The chat document has one message for each step of the model and one for its results,
/// so steps are merged, results sorted, and missing turns and results filled in.
#include "contents.h"

#include <algorithm>

#include "api_json.h"
#include "files.h"
#include "gatehouse/toolkit/conversation.hpp"

namespace gatehouse::plugins::gemini {
namespace {

// Gemini accepts this in place of a signature that it never gave or no longer knows:
// https://ai.google.dev/gemini-api/docs/thought-signatures
constexpr View kDummy = "skip_thought_signature_validator";
// The text of the user where Gemini demands a turn of theirs.
constexpr View kGoOn = "Continue.";
// Of a result that goes as JSON. Its protocol ends at 100, and each of our levels takes two or
// three of those.
constexpr int kMaxDepth = 32;

/// Gemini takes a member `$ref` for a reference to a part of the result, and rejects the request
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
      : out_(out), json_(out), options_(options), model_(options.model) {}

  void append(Json chat) {
    if (!model_.system_instruction) {
      for_each_system_text(chat,
                           [&](const std::string& text) { system_.append(text).append("\n\n"); });
    }
    for_each_turn(
        chat, [this](Json message) { append_user(message); },
        [this](Json message, const CallResults& results) { append_step(message, results); });
    if (ends_with_model_ && !model_.last_turn_model)
      append_turn("user", [&] { append_text(out_, kGoOn); });
  }

 private:
  using Files = std::vector<std::pair<View, Json>>;  // with the tool that they are from

  /// A turn comes into being with its first part: Gemini rejects those without any.
  template <typename Function>
  void append_turn(View role, Function append_parts) {
    const std::size_t start = out_.size();
    const bool is_model = role == "model";
    const bool is_first = out_.back() == '[';
    if (is_first && is_model) {
      open("user");
      append_text(out_, system_.empty() ? kGoOn : View(system_));
      json_.close(']').close('}');
    }
    open(role);
    if (is_first && !is_model && !system_.empty()) append_text(out_, system_);
    const std::size_t first = out_.size();
    append_parts();
    if (out_.size() == first) return out_.resize(start);
    json_.close(']').close('}');
    ends_with_model_ = is_model;
  }
  void open(View role) {
    json_.open('{');
    out_.append(R"("role":")").append(role).append(R"(","parts":[)");
  }

  void append_user(Json message) {
    append_turn("user", [&] {
      for (const Json part : message["content"]) append_part(part);
    });
  }

  /// What the model emitted in one step, and the results of its calls.
  void append_step(Json message, const CallResults& results) {
    const bool has_result = !results.empty();
    if (has_result && ends_with_model_) {  // a call has to come in the turn after the user's
      out_.resize(out_.size() - View("]}").size());
      append_step_parts(message, has_result);
      json_.close(']').close('}');
    } else {
      append_turn("model", [&] { append_step_parts(message, has_result); });
    }
    if (has_result) append_results(message, results);
  }

  void append_step_parts(Json message, bool with_calls) {
    bool needs_signature =  // the first call of a step
        model_.signature == Model::Signature::dummy ||
        (options_.foreign_signatures && model_.signature == Model::Signature::optional);
    for (const Json part : message["content"]) {
      if (!is_call(part)) {
        append_part(part);
      } else if (with_calls) {
        append_call(part, needs_signature);
        needs_signature = false;
      }
    }
  }

  void append_results(Json message, const CallResults& results) {
    std::vector<Json> calls;
    for (const Json part : message["content"]) {
      if (is_call(part)) calls.push_back(part);
    }
    Files files;
    const bool files_beside = calls.size() == 1 && !model_.response_parts;
    append_turn("user", [&] {
      for (const Json call : calls) append_result(call, result_of(results, call), files);
      if (!files_beside) return;
      for (const auto& [name, file] : files) append_part(file);
    });
    if (!files_beside && !files.empty()) append_files(files);
  }

  /// In a turn of their own: beside several results, Gemini counts files as results.
  void append_files(const Files& files) {
    append_turn("user", [&] {
      for (const auto& [name, file] : files) {
        const bool is_image = file["media_type"].str().substr(0, 6) == "image/";
        append_text(out_, std::string(is_image ? "Images" : "Files") + " returned by " +
                              std::string(name) + ":");
        append_part(file);
      }
    });
  }

  /// `files`: gets those that the result cannot hold.
  void append_result(Json call, Json result, Files& files) {
    const View name = options_.names.out(call["name"].str());
    json_.open('{').key("functionResponse").open('{');
    append_id(call);
    json_.member("name", name).key("response").open('{').member("name", name);
    const bool is_error = result["error"].boolean();
    const View key = is_error ? "error" : "content";
    const Json content = result["content"], output = result["output"];
    if (content.is_array()) {
      append_content(content, is_error, name, files);
    } else if (output && must_be_text(output)) {
      json_.member(key, output.dump());
    } else if (output) {
      json_.member(key, output);
    } else {
      json_.member("error", "There is no result.");
    }
    json_.close('}');
    if (content.is_array() && model_.response_parts) append_response_parts(content);
    json_.close('}').close('}');
  }

  /// As MCP has it, whose results these are: a failed one says so beside its content.
  void append_content(Json content, bool is_error, View name, Files& files) {
    json_.key("content").open('{').key("content").open('[');
    const std::size_t first = out_.size();
    for (const Json part : content) {
      if (part["type"].str() == "text") {
        append_entry([&] { json_.member("text", part["text"].str()); });
      } else if (!takes_type(model_, part["media_type"].str())) {
        append_entry([&] { append_file(out_, part, model_); });
      } else if (!is_inside(part)) {
        files.emplace_back(name, part);
      }
    }
    if (out_.size() == first) append_entry([&] { json_.member("text", "(see attached file)"); });
    json_.close(']');
    if (is_error) json_.member("isError", true);
    json_.close('}');
  }
  template <typename Function>
  void append_entry(Function append_member) {
    json_.open('{').member("type", "text");
    append_member();
    json_.close('}');
  }

  bool is_inside(Json file) const {
    return model_.response_parts && file["data"] && is_response_type(file["media_type"].str());
  }

  void append_response_parts(Json content) {
    member_unless_empty(out_, "parts", "[]", [&] {
      for (const Json part : content) {
        if (part["type"].str() == "file" && is_inside(part)) append_part(part);
      }
    });
  }

  void append_id(Json call) {
    if (const View id = call["id"].str(); !id.empty()) json_.member("id", id);
  }

  void append_call(Json part, bool needs_signature) {
    json_.open('{').key("functionCall").open('{');
    append_id(part);
    json_.member("name", options_.names.out(part["name"].str())).key("args");
    append_arguments(part["input"]);
    json_.close('}');
    const View signature = signature_of(part["metadata"]["google"]);
    append_signature(signature.empty() && needs_signature ? kDummy : signature);
    json_.close('}');
  }

  void append_arguments(Json input) {
    if (input.is_object()) return input.dump(out_);
    json_.open('{');
    // Of a tool whose arguments are not an object.
    if (!input.is_null()) json_.member("value", input);
    json_.close('}');
  }

  /// All parts but calls of functions and their results. check_chat() has rejected parts of types
  /// that are not known here.
  void append_part(Json part) {
    const View type = part["type"].str();
    const bool is_thought = type == "reasoning" || type == "reasoning-file";
    if (is_thought && !keeps_thoughts()) return;
    const bool is_text = type == "text" || type == "reasoning";
    if (!is_text && part["provider_executed"].boolean()) return append_server_part(part);

    const View signature = signature_of(part["metadata"]["google"]);
    if (is_text) {
      const View text = part["text"].str();
      if (text.empty() && (signature.empty() || !keeps_thoughts())) return;
      json_.open('{').member("text", text);
    } else {
      if (part["data"].str().empty() && part["url"].str().empty()) return;
      json_.open('{');
      append_file(out_, part, model_);
    }
    if (is_thought) json_.member("thought", true);
    append_signature(signature);
    json_.close('}');
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
    json_.open('{');
    for (const auto [name, value] : original.members()) {
      if (name == "thoughtSignature") continue;
      json_.any_key(name);
      json_.value(value);
    }
    append_signature(signature_of(original));
    json_.close('}');
  }

  void append_code(View kind, Json value, Json google) {
    json_.open('{').key(kind);
    if (value.is_object()) {
      json_.value(value);
    } else {
      json_.raw(R"({"outcome":"OUTCOME_FAILED"})");
    }
    append_signature(signature_of(google));
    json_.close('}');
  }

  void append_signature(View signature) {
    if (!signature.empty()) json_.member("thoughtSignature", signature);
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
  JsonText json_;
  const RequestOptions& options_;
  const Model& model_;
  std::string system_;  // where it has to be a part of the first turn
  bool ends_with_model_ = false;
  std::optional<View> code_id_;  // of the code that a result may belong to
};

}  // namespace

void append_text(std::string& out, View text) {
  JsonText(out).open('{').member("text", text).close('}');
}

void append_contents(std::string& out, Json chat, const RequestOptions& options) {
  JsonText json(out);
  json.key("contents").open('[');
  Conversation(out, options).append(chat);
  json.close(']');
}

}  // namespace gatehouse::plugins::gemini
