#include "model_news.h"

#include <algorithm>
#include <cstdio>

namespace gatehouse::plugins::gemini {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxModels = 100;  // names come from clients where an operator allows any
constexpr auto kSoon = std::chrono::days(90);

/// "models/gemini-3.5-flash-002" is gemini-3.5-flash: a version of a model that never changes is
/// not another model.
std::string plain_name(View version) {
  constexpr View kPath = "models/";
  if (version.substr(0, kPath.size()) == kPath) version.remove_prefix(kPath.size());
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() > 4 && version[version.size() - 4] == '-' &&
      std::all_of(version.end() - 3, version.end(), is_digit)) {
    version.remove_suffix(4);
  }
  const bool is_name =
      version.size() <= 100 && std::all_of(version.begin(), version.end(), [&](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '.' || c == '_';
      });
  return std::string(is_name ? version : View());
}

bool is_alias(View name) {
  constexpr View kEnd = "-latest";
  return name.size() > kEnd.size() && name.substr(name.size() - kEnd.size()) == kEnd;
}

/// "2026-12-01", as an RFC 3339 time begins.
std::string date(std::chrono::nanoseconds wall) {
  const std::chrono::year_month_day day(
      std::chrono::floor<std::chrono::days>(std::chrono::sys_time<std::chrono::nanoseconds>(wall)));
  char text[16];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text;
}

/// Of modelStatus: what Google announces about the model's end.
std::string status_text(const Report& report, std::chrono::nanoseconds wall) {
  const View stage = report.stage, retires = View(report.retires).substr(0, 10);
  const bool soon = !retires.empty() && retires <= date(wall + kSoon);
  if (!soon && stage != "LEGACY" && stage != "DEPRECATED" && stage != "RETIRED") return {};
  std::string text = "Google lists it as " + std::string(stage.empty() ? "STABLE" : stage);
  if (!retires.empty()) text.append(", until ").append(retires);
  return text;
}

}  // namespace

void ModelNews::read(Exchange& x, View requested, View sent, const Report& report) {
  const std::string responding = plain_name(report.model);
  if (!responding.empty()) x.notes().edit("answered_by").set(View(responding));
  const std::string text = text_of(requested, sent, responding, report);
  if (!keep(requested, text)) return;
  host_.log(GH_WARN, &x, std::string(requested) + text);
  if (const auto ends = models_.find(requested).ends) {
    Series(host_, GH_GAUGE, "gatehouse_gemini_model_ends_timestamp_seconds",
           "Time at which Google shuts down a requested model.", {{"model", requested}})
        .record(static_cast<double>(std::chrono::seconds(ends->time_since_epoch()).count()));
  }
}

std::string ModelNews::text_of(View requested, View sent, const std::string& responding,
                               const Report& report) const {
  std::string text;
  const auto add = [&](const std::string& more) {
    if (!more.empty()) text.append(text.empty() ? " " : "; ").append(more);
  };
  add(models_.ending(requested, host_.wall()));
  if (requested != sent) add("is replaced by " + std::string(sent));
  if (!responding.empty() && !is_alias(sent) && responding != plain_name(sent)) {
    count_mismatch(sent, responding);
    add("got a response from " + responding);
  }
  add(status_text(report, host_.wall()));
  return text;
}

/// True: it is to be logged, as it has not been today.
bool ModelNews::keep(View requested, const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (text.empty()) {
    if (const auto old = news_.find(requested); old != news_.end()) news_.erase(old);
    return false;
  }
  if (news_.size() >= kMaxModels) news_.clear();
  news_[std::string(requested)] = text;
  const std::int64_t today = host_.wall() / 24h;
  if (logged_day_ != today || logged_.size() >= kMaxModels) logged_.clear();
  logged_day_ = today;
  return logged_.insert(std::string(requested) + text).second;
}

std::string ModelNews::summary() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const auto& [model, text] : news_)
    all.append(all.empty() ? "" : "; ").append(model).append(text);
  constexpr std::size_t kLongest = 1000;
  return std::string(cut_utf8(all, kLongest));
}

void ModelNews::count_mismatch(View sent, View responding) const {
  Series(host_, GH_COUNTER, "gatehouse_gemini_model_mismatch_total",
         "Responses from another model than the requested one.",
         {{"asked", sent}, {"answered", responding}})
      .record();
}

}  // namespace gatehouse::plugins::gemini
