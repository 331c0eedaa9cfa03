#include "transcript.h"

namespace gatehouse::plugins::cache {
namespace {

struct Kind {
  int kind;
  View word;
};
constexpr Kind kKinds[] = {
    {GH_EV_STEP_START, "step-start"}, {GH_EV_TEXT, "text"},   {GH_EV_REASONING, "reasoning"},
    {GH_EV_SOURCE, "source"},         {GH_EV_FILE, "file"},   {GH_EV_DATA, "data"},
    {GH_EV_RESPONSE, "response"},     {GH_EV_USAGE, "usage"}, {GH_EV_STEP_FINISH, "step-finish"},
};

View word_of(int kind) {
  for (const Kind& k : kKinds) {
    if (k.kind == kind) return k.word;
  }
  return {};
}

int kind_of(View word) {
  for (const Kind& k : kKinds) {
    if (k.word == word) return k.kind;
  }
  return 0;
}

}  // namespace

bool write(std::string& to, Event e) {
  const View word = word_of(e.kind());
  if (word.empty() || e.raw().flags != 0) return false;
  const auto add = [&to](View key, View text) {
    if (text.empty()) return;
    to.append(key);
    quote(to, text);
  };
  to.append(R"({"kind":")").append(word).push_back('"');
  add(R"(,"id":)", e.id());
  add(R"(,"name":)", e.name());
  add(R"(,"text":)", e.text());
  if (e.json()) e.json().dump(to.append(R"(,"json":)"));
  if (e.metadata()) e.metadata().dump(to.append(R"(,"metadata":)"));
  to.append("},");
  return true;
}

std::optional<std::vector<gh_event>> read(Json events) {
  if (!events.is_array() || events.size() == 0) return std::nullopt;
  std::vector<gh_event> out;
  out.reserve(events.size());
  for (const Json event : events) {
    gh_event& e = out.emplace_back(event::make(kind_of(event["kind"].str())));
    if (e.kind == 0) return std::nullopt;
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
