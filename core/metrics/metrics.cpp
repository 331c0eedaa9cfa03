// A series is found once, by its name and labels, and recorded by its number from then on. So the
// mutex guards the families and the search; recording goes through the fixed array `all_`, whose
// entries are set once and never move, and changes atomic numbers only. A scrape reads them while
// they change: each number is exact, the sums of different series may be of different moments.
#include "core/metrics/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace gatehouse::core {
namespace {

constexpr std::size_t kBuckets = 17;  // besides +Inf

/// The boundaries of OpenTelemetry for GenAI clients (0.01 s to 81.92 s, doubling; 1 to 67108864
/// tokens, times four); three more below 0.01 s are for responses of the gateway itself.
double bound(Metrics::Kind kind, std::size_t bucket) {
  return kind == Metrics::kSeconds ? 0.00125 * static_cast<double>(1u << bucket)
                                   : static_cast<double>(1u << 2 * bucket);
}
std::size_t bucket_count(Metrics::Kind kind) { return kind == Metrics::kSeconds ? kBuckets : 14; }

bool is_name(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

void append_number(std::string& out, double value) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_escaped(std::string& out, std::string_view text, bool quoted = true) {
  const auto is_special = [quoted](char c) {
    return c == '\n' || c == '\\' || (quoted && c == '"');
  };
  for (auto at = text.begin();; ++at) {
    const auto special = std::find_if(at, text.end(), is_special);
    out.append(at, special);
    if (special == text.end()) return;
    out += '\\';
    out += *special == '\n' ? 'n' : *special;
    at = special;
  }
}

void append_line(std::string& out, std::string_view name, std::string_view labels, double value) {
  out.append(name);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out += ' ';
  append_number(out, value);
  out += '\n';
}

}  // namespace

struct Metrics::Series {
  std::vector<std::pair<std::string, std::string>> labels;
  Kind kind;
  std::atomic<double> value{0};  // of a histogram: the sum
  std::array<std::atomic<std::uint64_t>, kBuckets + 1> buckets{};
  bool was_owned = false;  // this and the next guarded by mutex_ of Metrics
  int owners = 0;

  bool has(const Labels& wanted) const {
    return std::equal(
        labels.begin(), labels.end(), wanted.begin(), wanted.end(),
        [](const auto& a, const auto& b) { return a.second == b.second && a.first == b.first; });
  }

  /// As they are written: a="b",c="d".
  std::string text_of_labels() const {
    std::string text;
    for (const auto& [label, content] : labels) {
      text.append(text.empty() ? "" : ",").append(label).append("=\"");
      append_escaped(text, content);
      text += '"';
    }
    return text;
  }

  void write(std::string& out, const std::string& name) const {
    const std::string text = text_of_labels();
    const double sum = value.load(std::memory_order_relaxed);
    if (kind == kCounter || kind == kGauge) return append_line(out, name, text, sum);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= bucket_count(kind); ++i) {
      count += buckets[i].load(std::memory_order_relaxed);
      std::string with_bound = text.empty() ? "le=\"" : text + ",le=\"";
      if (i < bucket_count(kind)) {
        append_number(with_bound, bound(kind, i));
      } else {
        with_bound += "+Inf";
      }
      append_line(out, name + "_bucket", with_bound + '"', static_cast<double>(count));
    }
    append_line(out, name + "_sum", text, sum);
    append_line(out, name + "_count", text, static_cast<double>(count));
  }
};

struct Metrics::Family {
  Kind kind;
  std::string name, help;
  std::vector<std::pair<std::int32_t, std::unique_ptr<Series>>> series;

  /// The number of the series, or -1.
  std::int32_t find(const Labels& labels) const {
    const auto found = std::find_if(series.begin(), series.end(),
                                    [&](const auto& s) { return s.second->has(labels); });
    return found == series.end() ? -1 : found->first;
  }
};

Metrics::Metrics() : all_(std::make_unique<std::array<std::atomic<Series*>, kMost>>()) {}
Metrics::~Metrics() = default;

/// With mutex_ held, shared or not.
Metrics::Family* Metrics::find(std::string_view name) const {
  const auto found = std::find_if(families_.begin(), families_.end(),
                                  [&](const auto& f) { return f->name == name; });
  return found == families_.end() ? nullptr : found->get();
}

Metrics::Family& Metrics::add_family(Kind kind, std::string_view name) {
  auto family = std::make_unique<Family>();
  family->kind = kind;
  family->name = name;
  return *families_.emplace_back(std::move(family));
}

std::int32_t Metrics::add_series(Family& family, const Labels& labels) {
  if (static_cast<std::size_t>(count_) == kMost) return -1;
  auto fresh = std::make_unique<Series>();
  fresh->labels.assign(labels.begin(), labels.end());
  fresh->kind = family.kind;
  (*all_)[static_cast<std::size_t>(count_)] = fresh.get();
  family.series.emplace_back(count_, std::move(fresh));
  return count_++;
}

std::int32_t Metrics::series(Kind kind, std::string_view name, std::string_view help,
                             const Labels& labels) {
  {
    const std::shared_lock lock(mutex_);
    const Family* const known = find(name);
    if (known && known->kind != kind) return -1;
    const auto id = known && known->help == help ? known->find(labels) : -1;
    if (id >= 0) return id;
  }

  const bool has_legal_names =
      is_name(name) && std::all_of(labels.begin(), labels.end(),
                                   [](const auto& label) { return is_name(label.first); });
  if (!has_legal_names) return -1;
  const std::lock_guard lock(mutex_);
  Family* const known = find(name);
  if (!known && static_cast<std::size_t>(count_) == kMost) return -1;
  Family& family = known ? *known : add_family(kind, name);
  if (family.kind != kind) return -1;
  family.help = help;
  Labels counted = labels;
  if (family.series.size() >= kMostOfOneName) {
    for (auto& [label, value] : counted) value = "other";
  }
  const auto id = family.find(counted);
  return id >= 0 ? id : add_series(family, counted);
}

void Metrics::record(std::int32_t id, double value) {
  if (id < 0 || static_cast<std::size_t>(id) >= kMost || std::isnan(value)) return;
  Series* const s = (*all_)[static_cast<std::size_t>(id)];
  if (!s || (s->kind == kCounter && value < 0)) return;
  if (s->kind == kGauge) {
    s->value.store(value, std::memory_order_relaxed);
    return;
  }
  s->value.fetch_add(value, std::memory_order_relaxed);
  if (s->kind == kCounter) return;
  std::size_t bucket = 0;
  while (bucket < bucket_count(s->kind) && value > bound(s->kind, bucket)) ++bucket;
  s->buckets[bucket].fetch_add(1, std::memory_order_relaxed);
}

void Metrics::set(std::int32_t id, double value) {
  if (id >= 0)
    (*all_)[static_cast<std::size_t>(id)].load()->value.store(value, std::memory_order_relaxed);
}

void Metrics::add_owner(std::int32_t id) {
  const std::lock_guard lock(mutex_);
  Series& s = *(*all_)[static_cast<std::size_t>(id)];
  s.was_owned = true;
  ++s.owners;
}

void Metrics::remove_owner(std::int32_t id) {
  const std::lock_guard lock(mutex_);
  Series& s = *(*all_)[static_cast<std::size_t>(id)];
  if (--s.owners == 0) s.value = 0;
}

Gauges::~Gauges() {
  for (const std::int32_t gauge : owned_) metrics_.remove_owner(gauge);
}

void Gauges::own(std::int32_t gauge) {
  const std::lock_guard lock(mutex_);
  if (gauge >= 0 && owned_.insert(gauge).second) metrics_.add_owner(gauge);
}

void Metrics::write(std::string& out) const {
  constexpr const char* kTypes[] = {"counter", "gauge", "histogram", "histogram"};
  const std::shared_lock lock(mutex_);
  for (const auto& f : families_) {
    std::string lines;
    for (const auto& [id, series] : f->series) {
      if (series->owners > 0 || !series->was_owned) series->write(lines, f->name);
    }
    if (lines.empty()) continue;
    out.append("# HELP ").append(f->name).append(" ");
    append_escaped(out, f->help, false);
    out.append("\n# TYPE ").append(f->name).append(" ").append(kTypes[f->kind]).append("\n");
    out.append(lines);
  }
}

}  // namespace gatehouse::core
