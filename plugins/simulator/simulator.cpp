#include "simulator.h"

#include <algorithm>
#include <cctype>

#include "schema.h"

namespace gatehouse::plugins::simulator {
namespace {

constexpr View kBlanks = " \t\r\n";
constexpr View kNotice =
    "answers come from the simulator, not from a model: set GEMINI_API_KEY and use the gemini "
    "plugin, or write "
    "`intended: true`";

/// Enough to recognise what was said, and little enough to search and to say word by word.
std::string shortened(View text) {
  constexpr std::size_t kMaxBytes = 400;
  if (text.size() <= kMaxBytes) return std::string(text);
  std::size_t end = kMaxBytes;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not inside a character of UTF-8
  return std::string(text.substr(0, end)) + "…";
}

std::int64_t count_words(View text) {
  std::int64_t words = 0;
  for (std::size_t at = text.find_first_not_of(kBlanks); at != View::npos; ++words) {
    at = text.find_first_not_of(kBlanks, text.find_first_of(kBlanks, at));
  }
  return words;
}

struct Question {
  std::string text;  ///< The beginning of the last user message.
  Json last;         ///< The last message.
  std::int64_t messages = 0;
  std::int64_t words = 0;  ///< In all messages.
};

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

/// The first of `tools` that the text names, or nothing.
Json named_tool(Json tools, View text) {
  for (const Json tool : tools) {
    if (find_word(text, tool["name"].str()) != View::npos) return tool;
  }
  return Json();
}

/// What a schema asks for, as small as it allows. Texts become `words`.
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

constexpr int kMaxArguments =
    100;  // more than any real tool requires: each is looked up among all that the schema has

/// Calls the tool with its required arguments and what follows its name in the question.
Status call(Sink& out, Json tool, View id, const Question& question) {
  const View name = tool["name"].str();
  View words = View(question.text).substr(find_word(question.text, name) + name.size());
  words.remove_prefix(std::min(words.size(), words.find_first_not_of(" \t\r\n:,")));
  if (words.empty()) words = "sample";

  Document input;
  input.root().set_object();  // even when nothing is required
  int arguments = 0;
  for (const Json required : tool["input_schema"]["required"]) {
    if (++arguments > kMaxArguments) break;
    set_sample(input.root().edit(required.str()),
               tool["input_schema"]["properties"][required.str()], words);
  }
  if (Status status = out.emit(event::tool_input_start(id, name)); !status) return status;
  if (Status status = out.emit(event::tool_input_delta(id, input.root().dump())); !status)
    return status;
  return out.emit(event::tool_call(id, name, input.root()));
}

std::string answer_to(const Question& question) {
  std::string text = "I am the simulator, a model without a network. ";
  if (question.last["role"].str() == "tool") {
    for (const Json result : question.last["content"]) {
      const Json error = result["error"], content = result["content"];
      const Json told = error ? error : content ? content : result["output"];
      text.append("The tool ")
          .append(result["name"].str())
          .append(error ? " failed: " : " returned: ");
      text.append(shortened(told.is_string() ? std::string(told.str()) : told.dump())).append(" ");
    }
    return text.append("That is all I can say about it.");
  }
  if (!question.text.empty()) text.append("You said: ").append(question.text).append("\n\n");
  return text.append(
      "I can only repeat what I hear and call the tools you name. For a real model set "
      "GEMINI_API_KEY and use the gemini plugin.");
}

}  // namespace

Simulator::Simulator(Host host, Json config)
    : host_(host),
      word_delay_(config["word_delay"].duration(std::chrono::milliseconds(20))),
      repeat_(config["repeat"].integer(1)),
      answers_(Series(host, GH_COUNTER, "gatehouse_simulated_answers_total",
                      "Chats that no model has answered.", {{"plugin", host.instance()}})) {
  if (config["intended"].boolean(false)) return;
  host.warning("", kNotice);  // a gateway whose key did not arrive must not pass for a healthy one
  host.health(GH_DEGRADED, kNotice);
}

Status Simulator::handle(Exchange& x, Sink& out, Next&) {
  answers_.record();
  const Question question = read(x.chat());
  if (Status status = out.emit(event::step_start()); !status) return status;

  std::int64_t output_words = 0;
  const Json tool =
      question.last["role"].str() == "user" ? named_tool(x.chat()["tools"], question.text) : Json();
  if (tool) {
    // The number of the message makes the id unique in its conversation, and the same each time.
    const std::string id = std::string("call-").append(std::to_string(question.messages));
    if (Status status = call(out, tool, id, question); !status) return status;
    output_words = 1;
  } else {
    const std::string text = answer_to(question);
    for (std::int64_t i = 0; i < repeat_; ++i) {
      if (Status status = speak(x, out, i == 0 ? text : "\n\n" + text); !status) return status;
    }
    output_words = count_words(text) * repeat_;
  }

  Document usage;
  usage.root().edit("input_tokens").set(question.words);
  usage.root().edit("output_tokens").set(output_words);
  usage.root().edit("total_tokens").set(question.words + output_words);
  if (Status status = out.emit(event::usage(usage.root())); !status) return status;
  return out.emit(event::step_finish(tool ? "tool-calls" : "stop"));
}

/// One word after the other, each with the blank before it.
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

}  // namespace gatehouse::plugins::simulator

GATEHOUSE_PLUGIN(gatehouse::plugins::simulator::Simulator, "simulator", "1.0.0",
                 "An offline model for first runs, tests and demos", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER)
