#include "output_items.h"

#include <utility>

#include "encrypted_content.h"
#include "gatehouse/toolkit/call_ids.hpp"
#include "stored_items.h"

namespace gatehouse::plugins::responses {
namespace {

// The last event of a stream has all of it, too. Far beyond what models write.
constexpr std::size_t kMostBytes = std::size_t{64} << 20;

}  // namespace

Status OutputItems::emit(Event e) {
  read(e);
  const std::size_t open = open_ ? open_->item.text.size() + open_->reasoning.size() : 0;
  if (items_.size() + open <= kMostBytes) return {};
  return Fail{502, "response_too_large", "The response is longer than this API can return.", {}};
}

void OutputItems::read(Event e) {
  switch (e.kind()) {
    case GH_EV_TEXT: return read_text(e);
    case GH_EV_REASONING: return read_reasoning(e);
    case GH_EV_TOOL_INPUT_START: return begin_call(e);
    case GH_EV_TOOL_INPUT_DELTA: return add(e.text());
    case GH_EV_TOOL_CALL: return end_call(e);
    case GH_EV_STEP_FINISH: {
      const bool is_whole = e.name() != "length" && e.name() != "content-filter";
      return close(is_whole ? "completed" : "incomplete");
    }
  }
}

void OutputItems::read_text(Event e) {
  if (e.text().empty() && !open_) return;
  if (!e.text().empty()) {
    if (!open(OutputItem::message, e.id()).has_begun) begin();
    add(e.text());
  }
  if (open_->item.kind == OutputItem::message && e.metadata().size() > 0)
    open_->metadata.emplace().root().set(e.metadata());
}

/// A signature ends the reasoning that it signs.
void OutputItems::read_reasoning(Event e) {
  const bool is_signed = e.metadata().size() > 0;
  if (e.text().empty() && !is_signed) return;
  Open& reasoning = open(OutputItem::reasoning, e.id());
  reasoning.reasoning.append(e.text());
  if (options_.shows_summary && !e.text().empty()) {
    if (!reasoning.has_begun) begin();
    add(e.text());
  }
  if (!is_signed) return;
  reasoning.metadata.emplace().root().set(e.metadata());
  close();
}

void OutputItems::begin_call(Event e) {
  Open& call = open(OutputItem::function_call, e.id());
  call.item.call_id = e.id();
  call.item.name = e.name();
  begin();
}

void OutputItems::end_call(Event e) {
  if (e.metadata().size() > 0) open_->metadata.emplace().root().set(e.metadata());
  close();
}

OutputItems::Open& OutputItems::open(OutputItem::Kind kind, View block) {
  if (open_ && open_->item.kind == kind && open_->block == block) return *open_;
  close();
  return open_.emplace(Open{OutputItem{kind}, std::string(block)});
}

void OutputItems::begin() {
  OutputItem& item = open_->item;
  open_->has_begun = true;
  item.index = count_++;
  item.id = id_of_item(prefix_of(item.kind), response_, item.index);
  if (observer_) observer_->begin(item);
}

void OutputItems::add(View piece) {
  open_->item.text.append(piece);
  if (observer_) observer_->add(open_->item, piece);
}

void OutputItems::close(View status) {
  if (!open_) return;
  OutputItem& item = open_->item;
  if (item.kind == OutputItem::reasoning && open_->metadata) {
    item.encrypted_content = encrypted_content_of(open_->reasoning, open_->metadata->root());
    if (!open_->has_begun) begin();
  }
  if (open_->has_begun) {
    if (observer_) observer_->end(item, status);
    JsonText json(items_);
    write_item(item, status, json);
    if (options_.keeps_parts) keep_part();
  }
  open_.reset();
}

/// A message or a call; of reasoning what encrypted_content has.
void OutputItems::keep_part() {
  static constexpr View kTypes[] = {"text", "reasoning", "tool-call"};
  JsonText json(parts_);
  json.open('{').member("type", kTypes[open_->item.kind]);
  if (open_->item.kind == OutputItem::function_call) {
    json.member("id", CallIds::id_from_client(open_->item.call_id))
        .member("name", open_->item.name);
    json.key("input").raw(open_->item.text);
  } else {
    const bool is_message = open_->item.kind == OutputItem::message;
    json.member("text", is_message ? View(open_->item.text) : View(open_->reasoning));
  }
  if (open_->metadata) json.member("metadata", Json(open_->metadata->root()));
  json.close('}');
}

}  // namespace gatehouse::plugins::responses
