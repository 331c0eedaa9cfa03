#include "response_events.h"

namespace gatehouse::plugins::responses {
namespace {

/// The words for the part of an item, of which each has one.
struct PartWords {
  View index;               // the member that counts parts; empty: there are none to count
  View added, delta, done;  // types of events
  View text;                // the member of `done` that has the whole text
  View part_done;           // empty: there are no parts
};
constexpr PartWords kWords[] = {
    {"content_index", "response.content_part.added", "response.output_text.delta",
     "response.output_text.done", "text", "response.content_part.done"},
    {"summary_index", "response.reasoning_summary_part.added",
     "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "text",
     "response.reasoning_summary_part.done"},
    {"", "", "response.function_call_arguments.delta", "response.function_call_arguments.done",
     "arguments", ""},
};

/// Log probabilities, of which there are none.
void write_logprobs(const OutputItem& item, JsonText& json) {
  if (item.kind == OutputItem::message) json.key("logprobs").raw("[]");
}

}  // namespace

void ResponseEvents::open() {
  if (is_open()) return;
  write_snapshot("response.created", {});
  write_snapshot("response.in_progress", {});
}

/// Reasoning that is not shown has no part: its item begins at its end.
void ResponseEvents::begin(const OutputItem& item) {
  open();
  JsonText& json = begin_event("response.output_item.added");
  json.member("output_index", static_cast<std::int64_t>(item.index)).key("item");
  write_empty_item(item, json);
  end_event();
}

void ResponseEvents::add(const OutputItem& item, View piece) {
  const PartWords& words = kWords[item.kind];
  const bool is_first = piece.size() == item.text.size();
  if (is_first && !words.added.empty()) {
    write_part(item.kind, {}, begin_event(words.added, item).key("part"));
    end_event();
  }
  write_logprobs(item, begin_event(words.delta, item).member("delta", piece));
  end_event();
}

void ResponseEvents::end(const OutputItem& item, View status) {
  const PartWords& words = kWords[item.kind];
  if (!item.text.empty()) {
    JsonText& json = begin_event(words.done, item);
    if (item.kind == OutputItem::function_call) json.member("name", item.name);
    write_logprobs(item, json.member(words.text, item.text));
    end_event();
    if (!words.part_done.empty()) {
      write_part(item.kind, item.text, begin_event(words.part_done, item).key("part"));
      end_event();
    }
  }
  JsonText& json = begin_event("response.output_item.done");
  json.member("output_index", static_cast<std::int64_t>(item.index)).key("item");
  write_item(item, status, json);
  end_event();
}

void ResponseEvents::close(const ResponseState& state) {
  write_snapshot(std::string("response.").append(state.status), state);
}

/// The members stand beside `error` as well: the reference has them there, while the clients of
/// OpenAI fail only for a member `error`.
void ResponseEvents::write_error(Json error) {
  JsonText& json = begin_event("error");
  for (const View name : {"code", "message", "param"}) json.member(name, error[name]);
  json.member("error", error);
  end_event();
}

JsonText& ResponseEvents::begin_event(View type) {
  return stream_.begin(type)
      .open('{')
      .member("type", type)
      .member("sequence_number", next_number_++);
}

JsonText& ResponseEvents::begin_event(View type, const OutputItem& item) {
  JsonText& json = begin_event(type).member("item_id", item.id);
  json.member("output_index", static_cast<std::int64_t>(item.index));
  const View index = kWords[item.kind].index;
  if (!index.empty()) json.member(index, std::int64_t{0});
  return json;
}

void ResponseEvents::end_event() {
  stream_.json().close('}');
  stream_.end();
}

void ResponseEvents::write_snapshot(View type, const ResponseState& state) {
  response_.write(state, begin_event(type).key("response"));
  end_event();
}

}  // namespace gatehouse::plugins::responses
