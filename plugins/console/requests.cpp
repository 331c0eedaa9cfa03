#include "requests.h"

#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::console {
namespace {

// With nine texts and the content, 500 requests of this size are 3.4 MiB; most need 1 KiB each.
constexpr std::size_t kMaxText = 128, kMaxDetail = 512;
constexpr std::size_t kMaxNotes = 2 * 1024, kMaxTiming = 1024;

/// With three digits behind the point.
std::string text_of_ms(std::chrono::nanoseconds time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  std::string fraction = std::to_string(1000 + us % 1000);
  fraction.front() = '.';
  return std::to_string(us / 1000) + fraction;
}

/// Gives the memory back, too.
void replace_if_long(std::string& text, std::size_t most, View by) {
  if (text.size() > most) std::string(by).swap(text);
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

void Request::set(const Exchange& x, const Outcome& outcome, const Failure& failure,
                  std::chrono::milliseconds began, std::chrono::nanoseconds took) {
  began_ = began;
  took_ = took;
  status_ = outcome.status;
  is_chat_ = static_cast<bool>(x.chat());
  const Caller caller = x.caller();
  texts_.clear();
  count_ = 0;
  for (const View text : {x.request_id(), x.method(), x.path(), outcome.word, outcome.code})
    add(text, kMaxText);
  add(failure.detail(), kMaxDetail);
  for (const View text : {caller.tenant, caller.user, caller.key}) add(text, kMaxText);
  notes_.clear();
  x.notes().dump(notes_);
  replace_if_long(notes_, kMaxNotes, R"({"left_out":"the notes are too long"})");
  timing_.clear();
}

void Request::set_times(const Exchange& x, const GatewayStatus& gateway) {
  gateway.timing(x, timing_);
  replace_if_long(timing_, kMaxTiming, {});
}

void Request::set_content(View prompt, View response) {
  add(prompt, kMaxContent);
  add(response, kMaxContent);
}

void Request::add(View text, std::size_t most) {
  texts_.append(cut_utf8(text, most));
  ends_[count_++] = static_cast<std::uint16_t>(texts_.size());
}

void Request::write(std::string& out) const {
  JsonText json(out);
  json.open('{').member("number", static_cast<std::int64_t>(number));
  json.member("began_ms", std::int64_t{began_.count()}).key("ms").raw(text_of_ms(took_));
  json.member("status", std::int64_t{status_}).member("chat", is_chat_);
  for (std::size_t i = 0, begin = 0; i < count_; begin = ends_[i++]) {
    const View text = View(texts_).substr(begin, ends_[i] - begin);
    if (!text.empty()) json.member(kNames[i], text);
  }
  json.key("notes").raw(notes_).key("self_ms");
  write_times(timing_, out);
  json.close('}');
}

}  // namespace gatehouse::plugins::console
