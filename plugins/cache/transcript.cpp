#include "transcript.h"

#include <algorithm>
#include <iterator>

#include "gatehouse/toolkit/event_names.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::cache {
namespace {

/// Whether the event has more than its text can say.
bool has_more(const gh_event& e) {
  return e.flags != 0 || e.reserved0 != 0 ||
         std::any_of(std::begin(e.reserved), std::end(e.reserved), [](auto word) { return word; });
}

}  // namespace

bool write(std::string& to, Event e) {
  const EventName* const name = name_of(e.kind());
  if (!name || !name->is_cacheable || has_more(e.raw())) return false;
  JsonText json(to);
  const auto add = [&json](View key, View text) {
    if (!text.empty()) json.member(key, text);
  };
  json.open('{').member("kind", name->word);
  add("id", e.id());
  add("name", e.name());
  add("text", e.text());
  if (e.json()) json.member("json", e.json());
  if (e.metadata()) json.member("metadata", e.metadata());
  json.close('}');
  return true;
}

std::optional<std::vector<gh_event>> read(Json events) {
  if (!events.is_array() || events.size() == 0) return std::nullopt;
  std::vector<gh_event> out;
  out.reserve(events.size());
  for (const Json event : events) {
    const EventName* const name = name_of(event["kind"].str());
    if (!name || !name->is_cacheable) return std::nullopt;
    gh_event& e = out.emplace_back(event::make(name->kind));
    e.id = raw(event["id"].str());
    e.name = raw(event["name"].str());
    e.text = raw(event["text"].str());
    e.json = event["json"].raw();
    e.metadata = event["metadata"].raw();
  }
  return out;
}

Status replay(const std::vector<gh_event>& events, Sink& out) {
  for (const gh_event& e : events) {
    if (Status status = out.emit(e); !status) return status;
  }
  return Status();
}

}  // namespace gatehouse::plugins::cache
