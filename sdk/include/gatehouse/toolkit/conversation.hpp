/// The conversation of a chat document as providers translate it: system texts, turns of the user,
/// and steps of the model with the results of their calls.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/json.hpp"

namespace gatehouse {
inline namespace v1 {

/// The operator's prompt and the texts of system messages, one after another.
template <typename Function>
void for_each_system_text(Json chat, Function each) {
  std::string text;
  for (const Json part : chat["system"]) text.append(part["text"].str());
  if (!text.empty()) each(text);
  for (const Json message : chat["messages"]) {
    if (message["role"].str() != "system") continue;
    text.clear();
    for (const Json part : message["content"]) text.append(part["text"].str());
    if (!text.empty()) each(text);
  }
}

/// All of them as one text.
inline std::string system_text(Json chat) {
  std::string all;
  for_each_system_text(chat, [&](const std::string& text) {
    if (!all.empty()) all.append("\n\n");
    all.append(text);
  });
  return all;
}

/// Without anything that a model reads.
inline bool is_blank(View text) { return text.find_first_not_of(" \t\r\n\f\v") == View::npos; }

/// Whether the client or a tool server runs this call, rather than the provider.
inline bool is_call(Json part) {
  return part["type"].str() == "tool-call" && !part["provider_executed"].boolean();
}

/// The calls of a step that have results, with these, in the order of the calls. A call without a
/// result is left out, as models reject it for the rest of the conversation.
using CallResults = std::vector<std::pair<Json, Json>>;

namespace detail {
inline CallResults results_of(Json message, const std::vector<Json>& tool_messages) {
  std::vector<Json> results;
  for (const Json tool_message : tool_messages) {
    for (const Json part : tool_message["content"]) {
      if (part["type"].str() == "tool-result") results.push_back(part);
    }
  }
  CallResults pairs;
  for (const Json part : message["content"]) {
    if (!is_call(part)) continue;
    const auto result = std::find_if(results.begin(), results.end(),
                                     [part](Json r) { return r["id"].str() == part["id"].str(); });
    if (result == results.end()) continue;
    pairs.emplace_back(part, *result);
    results.erase(result);  // another call of this id has a result of its own
  }
  return pairs;
}
}  // namespace detail

/// The result of a call of the step; absent: it has none.
inline Json result_of(const CallResults& pairs, Json call) {
  for (const auto& [each, result] : pairs) {
    if (each.raw() == call.raw()) return result;
  }
  return Json();
}

/// Calls user(message) for each message of the user, and step(message, results) for each of the
/// model.
template <class User, class Step>
void for_each_turn(Json chat, User user, Step step) {
  const Json given = chat["messages"];
  std::vector<Json> messages;
  messages.reserve(given.size());
  for (const Json message : given) messages.push_back(message);
  const auto is_tool = [](Json message) { return message["role"].str() == "tool"; };
  for (auto message = messages.begin(); message != messages.end(); ++message) {
    const View role = (*message)["role"].str();
    if (role == "user") user(*message);
    if (role != "assistant") continue;
    const auto end = std::find_if_not(message + 1, messages.end(), is_tool);
    step(*message, detail::results_of(*message, {message + 1, end}));
  }
}

/// The tools that a chat offers the model: those that its `tool_choice` names, or all.
inline std::vector<Json> offered_tools(Json chat) {
  const Json names = chat["tool_choice"]["names"];
  std::vector<Json> tools;
  for (const Json tool : chat["tools"]) {
    bool is_named = names.size() == 0;
    for (const Json name : names) is_named = is_named || name.str() == tool["name"].str();
    if (is_named) tools.push_back(tool);
  }
  return tools;
}

/// A result as text: a string as it is, other JSON as its text.
inline std::string output_text(Json output) {
  if (output.is_string()) return std::string(output.str());
  return output ? output.dump() : std::string();
}

/// Appends the input of a call, which APIs demand to be an object.
inline void append_input(std::string& out, Json input) {
  if (!input.is_object()) {
    out.append("{}");
    return;
  }
  input.dump(out);
}

}  // namespace v1
}  // namespace gatehouse
