#include "output_item.h"

namespace gatehouse::plugins::responses {
namespace {

View type_of(OutputItem::Kind kind) {
  switch (kind) {
    case OutputItem::message: return "message";
    case OutputItem::reasoning: return "reasoning";
    case OutputItem::function_call: break;
  }
  return "function_call";
}

void write(const OutputItem& item, View status, View text, JsonText& json) {
  json.open('{').member("id", item.id).member("type", type_of(item.kind)).member("status", status);
  if (item.kind == OutputItem::function_call) {
    json.member("call_id", item.call_id).member("name", item.name).member("arguments", text);
  } else {
    const bool is_message = item.kind == OutputItem::message;
    if (is_message) json.member("role", "assistant");
    json.key(is_message ? "content" : "summary").open('[');
    if (!text.empty()) write_part(item.kind, text, json);
    json.close(']');
    if (!item.encrypted_content.empty()) json.member("encrypted_content", item.encrypted_content);
  }
  json.close('}');
}

}  // namespace

View prefix_of(OutputItem::Kind kind) {
  switch (kind) {
    case OutputItem::message: return "msg_";
    case OutputItem::reasoning: return "rs_";
    case OutputItem::function_call: break;
  }
  return "fc_";
}

void write_item(const OutputItem& item, View status, JsonText& json) {
  write(item, status, item.text, json);
}

void write_empty_item(const OutputItem& item, JsonText& json) {
  write(item, "in_progress", {}, json);
}

void write_part(OutputItem::Kind kind, View text, JsonText& json) {
  const bool is_message = kind == OutputItem::message;
  json.open('{').member("type", is_message ? "output_text" : "summary_text").member("text", text);
  if (is_message) json.key("annotations").raw("[]").key("logprobs").raw("[]");
  json.close('}');
}

}  // namespace gatehouse::plugins::responses
