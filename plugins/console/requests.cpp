#include "requests.h"

#include "gatehouse/toolkit/json_text.hpp"
#include "number.h"

namespace gatehouse::plugins::console {
namespace {

// With nine texts and the content, 500 requests of this size are 3.9 MiB; most need 2 KiB each.
constexpr std::size_t kMaxText = 128, kMaxDetail = 512;
constexpr std::size_t kMaxNotes = 2 * 1024, kMaxTiming = 1024;

/// What a copy takes, about.
std::size_t size_of(Json value) {
  std::size_t size = 40;  // of a node
  switch (value.type()) {
    case GH_STRING: return size + value.str().size();
    case GH_OBJECT:
      for (const auto [name, member] : value.members()) size += name.size() + size_of(member);
      return size;
    case GH_ARRAY:
      for (const Json item : value) size += size_of(item);
      return size;
    default: return size;
  }
}

/// Gives the memory back, too.
void replace_if_long(std::string& text, std::size_t most, View by) {
  if (text.size() > most) std::string(by).swap(text);
}

void set_cut(std::string& to, View from, std::size_t most = kMaxText) {
  to.assign(cut_utf8(from, most));
}

/// From "cache;dur=1.250, model;dur=840.000": {"cache":1.250,"model":840.000}.
void write_times(View timing, std::string& out) {
  constexpr View kDuration = ";dur=", kSeparator = ", ";
  JsonText json(out);
  json.open('{');
  while (!timing.empty()) {
    const View entry = timing.substr(0, timing.find(kSeparator));
    timing.remove_prefix(std::min(entry.size() + kSeparator.size(), timing.size()));
    const std::size_t middle = entry.find(kDuration);
    if (middle == View::npos) break;
    json.any_key(entry.substr(0, middle)).raw(entry.substr(middle + kDuration.size()));
  }
  json.close('}');
}

}  // namespace

void Request::set(const Exchange& x, const Outcome& ended, const Failure& failure,
                  const GatewayStatus& gateway) {
  const Caller caller = x.caller();
  status = ended.status;
  is_chat = static_cast<bool>(x.chat());
  set_cut(id, x.request_id());
  set_cut(method, x.method());
  set_cut(path, x.path());
  set_cut(tenant, caller.tenant);
  set_cut(user, caller.user);
  set_cut(key, caller.key);
  set_cut(outcome, ended.word);
  set_cut(code, ended.code);
  set_cut(detail, failure.detail(), kMaxDetail);
  notes = Document();
  if (const Json all = x.notes(); size_of(all) <= kMaxNotes) {
    notes.root().set(all);
  } else {
    notes.root().edit("left_out").set("the notes are too long");
  }
  timing.clear();
  if (is_chat) gateway.timing(x, timing);
  replace_if_long(timing, kMaxTiming, {});
  prompt.clear();
  response.clear();
}

void Request::write(std::string& out) const {
  JsonText json(out);
  json.open('{').member("number", static_cast<std::int64_t>(number));
  json.member("began_ms", std::int64_t{began.count()});
  json.key("ms").raw(text_of(took_ms)).member("id", id).member("method", method);
  json.member("path", path).member("status", std::int64_t{status}).member("outcome", outcome);
  json.member("chat", is_chat);
  const auto unless_empty = [&](View name, const std::string& text) {
    if (!text.empty()) json.member(name, text);
  };
  unless_empty("code", code);
  unless_empty("detail", detail);
  unless_empty("tenant", tenant);
  unless_empty("user", user);
  unless_empty("key", key);
  unless_empty("prompt", prompt);
  unless_empty("response", response);
  json.member("notes", Json(notes.root()));
  json.key("self_ms");
  write_times(timing, out);
  json.close('}');
}

}  // namespace gatehouse::plugins::console
