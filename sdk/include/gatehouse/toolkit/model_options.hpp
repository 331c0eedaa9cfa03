/// How clients and the operator's files write the settings of a call of the model, and how the chat
/// document does.
#pragma once

#include "gatehouse/document.hpp"

namespace gatehouse {
inline namespace v1 {

struct ModelOption {
  View name;                            ///< As clients and files write it.
  View member;                          ///< Of the chat document.
  void (*write)(Json, MutableJson to);  ///< `to`: that member.
};

namespace detail {
inline void write_as_is(Json value, MutableJson to) { to.set(value); }

/// "off", a level of effort, or a number of tokens; 0 is off.
inline void write_thinking(Json value, MutableJson reasoning) {
  const bool is_off = value.str() == "off" || (value.is_integer() && value.integer() == 0);
  reasoning.erase(reasoning["effort"]);
  reasoning.erase(reasoning["budget_tokens"]);
  if (value.is_integer() && !is_off) {
    reasoning.edit("budget_tokens").set(value);
  } else {
    reasoning.edit("effort").set(is_off ? View("none") : value.str());
  }
}
/// "auto", "none", "required", or {"name": the tool that must be called}.
inline void write_tool_choice(Json value, MutableJson choice) {
  choice.set_object();
  choice.edit("mode").set(value.is_object() ? View("required") : value.str());
  if (value.is_object()) choice.edit("names").push().set(value["name"]);
}
/// Names of tools.
inline void write_provider_tools(Json names, MutableJson tools) {
  tools.set_array();
  for (const Json name : names) tools.push().edit("name").set(name);
}
/// {"schema": {...}}; {}: any JSON.
inline void write_response_format(Json value, MutableJson format) {
  format.set_object();
  format.edit("type").set("json");
  if (value["schema"]) format.edit("schema").set(value["schema"]);
}
}  // namespace detail

inline constexpr ModelOption kModelOptions[] = {
    {"thinking", "reasoning", detail::write_thinking},
    {"temperature", "temperature", detail::write_as_is},
    {"maxOutputTokens", "max_output_tokens", detail::write_as_is},
    {"topP", "top_p", detail::write_as_is},
    {"topK", "top_k", detail::write_as_is},
    {"seed", "seed", detail::write_as_is},
    {"stop", "stop", detail::write_as_is},
    {"toolChoice", "tool_choice", detail::write_tool_choice},
    {"providerTools", "provider_tools", detail::write_provider_tools},
    {"responseFormat", "response_format", detail::write_response_format},
    {"modalities", "modalities", detail::write_as_is},
};

/// Lists in `must` what makes the response another one than the caller can use unless it is
/// honoured: a provider that cannot honour it fails.
inline void write_must(MutableJson chat) {
  const auto require = [chat](View member) {
    for (const Json known : chat["must"]) {
      if (known.str() == member) return;
    }
    MutableJson(chat).edit("must").push().set(member);
  };
  if (chat["response_format"]) require("response_format");
  const Json choice = chat["tool_choice"];
  if (choice["names"] || (choice && choice["mode"].str() != "auto")) require("tool_choice");
}

/// Writes those of `given` into the chat document, in place of what it has.
inline void write_model_options(Json given, MutableJson chat) {
  for (const ModelOption& option : kModelOptions) {
    const Json value = given[option.name];
    if (!value.is_null()) option.write(value, chat.edit(option.member));
  }
  write_must(chat);
}

}  // namespace v1
}  // namespace gatehouse
