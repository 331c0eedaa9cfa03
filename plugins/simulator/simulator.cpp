/// The response depends on the chat alone: the user's last text decides between a tool call and a
/// text, and a tool's result is reported. All of it is known before the first event, so what cannot
/// be honoured is reported, or rejected, first.
#include "simulator.h"

#include <algorithm>
#include <cctype>

#include "gatehouse/toolkit/chat_parts.hpp"
#include "gatehouse/toolkit/unhonoured.hpp"
#include "schema.h"

namespace gatehouse::plugins::simulator {
namespace {

constexpr View kBlanks = " \t\r\n";
constexpr View kNotice =
    "responses come from the simulator, not from a model: configure a provider in its place, or "
    "set `intended: true`";

struct Question {
  std::string text;  ///< The beginning of the last user message.
  Json last;         ///< The last message.
  std::int64_t messages = 0;
  std::int64_t words = 0;  ///< In all messages.
};

Question read(Json chat);
Json tool_to_call(Json chat, const Question& question);
Status call(Sink& out, Json tool, View id, const Question& question);
std::string response_to(const Question& question);
std::int64_t count_words(View text);
Status finish(Sink& out, std::int64_t input_words, std::int64_t output_words, View reason);

}  // namespace

Simulator::Simulator(Host host, Json config)
    : host_(host),
      word_delay_(config["word_delay"].duration()),
      repeat_(config["repeat"].integer()),
      responses_(Series(host, GH_COUNTER, "gatehouse_simulated_answers_total",
                        "Chats that got a response from the simulator.",
                        {{"plugin", host.instance()}})) {
  if (config["intended"].boolean()) return;
  host.warning("", kNotice);  // a gateway without its API key must not look healthy
  host.health(GH_DEGRADED, kNotice);
}

Status Simulator::handle(Exchange& x, Sink& out, Next&) {
  const Json chat = x.chat();
  const Question question = read(chat);
  const Json tool = tool_to_call(chat, question);
  const std::string text = tool ? std::string() : response_to(question);
  const std::int64_t words = tool ? 1 : count_words(text) * repeat_;
  const bool lacks_tool = chat["tool_choice"]["mode"].str() == "required" && !tool &&
                          question.last["role"].str() == "user";  // after a result it responds
  if (Status s = begin(chat, words, lacks_tool, out); !s) return s;
  responses_.record();
  if (tool) {
    // The number of the message makes the id unique in its conversation, and the same each time.
    const std::string id = std::string("call-").append(std::to_string(question.messages));
    if (Status s = call(out, tool, id, question); !s) return s;
  }
  for (std::int64_t i = 0; i < repeat_ && !tool; ++i) {
    if (Status s = speak(x, out, i == 0 ? text : "\n\n" + text); !s) return s;
  }
  return finish(out, question.words, words, tool ? "tool-calls" : "stop");
}

/// Rejects what it cannot honour, or warns of it, and begins the step.
Status Simulator::begin(Json chat, std::int64_t words, bool lacks_tool, Sink& out) const {
  // It samples nothing, thinks of nothing and calls one tool at a time, so these are honoured.
  Unhonoured unhonoured(
      chat, {"temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty",
             "reasoning", "tool_choice", "parallel_tool_calls", "max_output_tokens"});
  const std::int64_t limit = chat["max_output_tokens"].integer(words);
  if (words > limit)
    unhonoured.add("max_output_tokens", "the response has " + std::to_string(words) + " words");
  if (lacks_tool) unhonoured.add("tool_choice", "there is no tool to call");
  Status known = for_each_part(chat, [&](Json part, const PartPlace& place) -> Status {
    if (part["type"].str() == "file")
      unhonoured.add("messages", place.text() + " is a file, which the simulator does not read");
    return {};
  });
  if (!known) return known;
  if (Status s = unhonoured.check(); !s) return s;
  if (Status s = unhonoured.warn(out); !s) return s;
  return out.emit(event::step_start());
}

/// Word by word, each with the blank before it.
Status Simulator::speak(Exchange& x, Sink& out, View text) const {
  while (!text.empty()) {
    const View word = text.substr(0, text.find(' ', 1));
    text.remove_prefix(word.size());
    if (Status status = out.emit(event::text(word)); !status) return status;
    if (word_delay_.count() == 0) continue;  // without a wait the host sends many words at once
    if (Status status = host_.sleep(x, word_delay_); !status) return status;
  }
  return {};
}

namespace {

/// Enough to recognise a text, and little enough to search it and to emit it word by word.
std::string shortened(View text) {
  constexpr std::size_t kMaxBytes = 400;
  const View cut = cut_utf8(text, kMaxBytes);
  return std::string(cut) + (cut.size() < text.size() ? "…" : "");
}

std::int64_t count_words(View text) {
  std::int64_t words = 0;
  for (std::size_t at = text.find_first_not_of(kBlanks); at != View::npos; ++words)
    at = text.find_first_not_of(kBlanks, text.find_first_of(kBlanks, at));
  return words;
}

Question read(Json chat) {
  Question question;
  for (const Json message : chat["messages"]) {
    const bool user = message["role"].str() == "user";
    if (user) question.text.clear();
    for (const Json part : message["content"]) {
      question.words += count_words(part["text"].str());
      if (user && !part["text"].str().empty())
        question.text.append(question.text.empty() ? "" : "\n").append(part["text"].str());
    }
    question.text = shortened(question.text);
    question.last = message;
    ++question.messages;
  }
  return question;
}

/// Where `name` stands as a whole word, or npos.
std::size_t find_word(View text, View name) {
  const auto in_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || (c & 0x80);
  };
  for (std::size_t at = text.find(name); at != View::npos && !name.empty();
       at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !in_word(text[at - 1])) && (end == text.size() || !in_word(text[end])))
      return at;
  }
  return View::npos;
}

/// The first tool that the user's text names; if the chat requires a call, else the first of all.
/// Empty: none, as after a result.
Json tool_to_call(Json chat, const Question& question) {
  const Json names = chat["tool_choice"]["names"];
  const View mode = chat["tool_choice"]["mode"].str();
  if (mode == "none" || question.last["role"].str() != "user") return Json();
  const auto is_allowed = [&](View name) {
    for (const Json allowed : names) {
      if (allowed.str() == name) return true;
    }
    return names.size() == 0;
  };
  Json first;
  for (const Json tool : chat["tools"]) {
    const View name = tool["name"].str();
    if (!is_allowed(name)) continue;
    if (find_word(question.text, name) != View::npos) return tool;
    if (!first) first = tool;
  }
  return mode == "required" ? first : Json();
}

/// A value of this schema, as small as it allows. Texts become `words`.
void set_sample(MutableJson to, Json schema, View words) {
  const Json type = schema["type"].is_array() ? schema["type"].at(0) : schema["type"];
  if (schema["enum"].size() > 0) {
    to.set(schema["enum"].at(0));
  } else if (type.str() == "number" || type.str() == "integer") {
    to.set(1);
  } else if (type.str() == "boolean") {
    to.set(true);
  } else if (type.str() == "array") {
    to.set_array();
  } else if (type.str() == "object") {
    to.set_object();
  } else {
    to.set(words);
  }
}

/// The required arguments, with what follows the tool's name in the question.
void set_arguments(MutableJson input, Json tool, const Question& question) {
  // More than any real tool requires: each is looked up among all that the schema has.
  constexpr int kMaxArguments = 100;
  const View name = tool["name"].str();
  const std::size_t at = find_word(question.text, name);
  View words;
  if (at != View::npos) words = View(question.text).substr(at + name.size());
  words.remove_prefix(std::min(words.size(), words.find_first_not_of(" \t\r\n:,")));
  if (words.empty()) words = "sample";
  input.set_object();  // even when nothing is required
  int arguments = 0;
  for (const Json required : tool["input_schema"]["required"]) {
    if (++arguments > kMaxArguments) break;
    set_sample(input.edit(required.str()), tool["input_schema"]["properties"][required.str()],
               words);
  }
}

Status call(Sink& out, Json tool, View id, const Question& question) {
  const View name = tool["name"].str();
  Document input;
  set_arguments(input.root(), tool, question);
  if (Status status = out.emit(event::tool_input_start(id, name)); !status) return status;
  if (Status status = out.emit(event::tool_input_delta(id, input.root().dump())); !status)
    return status;
  return out.emit(event::tool_call(id, name, input.root()));
}

std::string response_to(const Question& question) {
  std::string text = "I am the simulator, a model without a network. ";
  if (question.last["role"].str() == "tool") {
    for (const Json result : question.last["content"]) {
      const Json content = result["content"] ? result["content"] : result["output"];
      text.append("The tool ").append(result["name"].str());
      text.append(result["error"].boolean() ? " failed: " : " returned: ");
      text.append(shortened(content.is_string() ? std::string(content.str()) : content.dump()));
      text.append(" ");
    }
    return text.append("That is all I can say about it.");
  }
  if (!question.text.empty()) text.append("You said: ").append(question.text).append("\n\n");
  return text.append(
      "I can only repeat what I hear and call the tools you name. For a real model configure a "
      "provider in my place.");
}

Status finish(Sink& out, std::int64_t input_words, std::int64_t output_words, View reason) {
  Document usage;
  usage.root().edit("input_tokens").set(input_words);
  usage.root().edit("output_tokens").set(output_words);
  usage.root().edit("total_tokens").set(input_words + output_words);
  if (Status status = out.emit(event::usage(usage.root())); !status) return status;
  return out.emit(event::step_finish(reason));
}

}  // namespace
}  // namespace gatehouse::plugins::simulator

GATEHOUSE_PLUGIN(gatehouse::plugins::simulator::Simulator, "simulator", "1.0.0",
                 "An offline model for first runs, tests and demos", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER | GH_PLUGIN_UNLOADS)
