#include "core/metrics/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace gatehouse::core {
namespace {

constexpr std::size_t kBuckets = 17;  // besides +Inf

/// OpenTelemetry's boundaries for GenAI clients (0.01 s to 81.92 s, doubling; 1 to 67108864 tokens,
/// times four), the former with three more below, for what a gateway answers itself.
double bound(Metrics::Kind kind, std::size_t bucket) {
  const int exponent = static_cast<int>(bucket);
  return kind == Metrics::kSeconds ? std::ldexp(0.00125, exponent) : std::ldexp(1, 2 * exponent);
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
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (quoted && c == '"')) out += '\\';
      out += c;
    }
  }
}

}  // namespace

struct Metrics::Series {
  std::string labels;  // as they are written: a="b",c="d"
  Kind kind;
  std::atomic<double> value{0};  // of a histogram: the sum
  std::array<std::atomic<std::uint64_t>, kBuckets + 1> buckets{};
};

struct Metrics::Family {
  Kind kind;
  std::string name, help;
  std::vector<std::string> label_names;
  std::vector<std::pair<std::int32_t, std::unique_ptr<Series>>> series;
};

Metrics::Metrics() : all_(std::make_unique<std::array<std::atomic<Series*>, kMost>>()) {}
Metrics::~Metrics() = default;

/// With mutex_ held in some way. `fits`: whether the series can be one of that family.
Metrics::Family* Metrics::find(Kind kind, std::string_view name, std::string_view help,
                               const Labels& labels, bool& fits) const {
  const auto found = std::find_if(families_.begin(), families_.end(),
                                  [&](const auto& f) { return f->name == name; });
  if (found == families_.end()) return nullptr;
  Family& f = **found;
  fits = f.kind == kind && f.help == help &&
         std::equal(
             labels.begin(), labels.end(), f.label_names.begin(), f.label_names.end(),
             [](const auto& label, const auto& label_name) { return label.first == label_name; });
  return &f;
}

/// With mutex_ held in some way. -1: there is none.
std::int32_t Metrics::find(const Family& in, const std::string& labels) {
  const auto found = std::find_if(in.series.begin(), in.series.end(),
                                  [&](const auto& s) { return s.second->labels == labels; });
  return found == in.series.end() ? -1 : found->first;
}

std::int32_t Metrics::series(Kind kind, std::string_view name, std::string_view help,
                             const Labels& labels) {
  const auto written = [&](auto&& value_of) {
    std::string text;
    for (const auto& label : labels) {
      text.append(text.empty() ? "" : ",").append(label.first).append("=\"");
      append_escaped(text, value_of(label));
      text += '"';
    }
    return text;
  };
  std::string text = written([](const auto& label) { return label.second; });
  bool fits = true;
  {
    const std::shared_lock lock(mutex_);
    const Family* const f = find(kind, name, help, labels, fits);
    if (!fits) return -1;
    if (const auto known = f ? find(*f, text) : -1; known >= 0) return known;
  }

  const std::lock_guard lock(mutex_);
  Family* f = find(kind, name, help, labels, fits);
  if (!f) {
    if (!is_name(name) || !std::all_of(labels.begin(), labels.end(),
                                       [](const auto& label) { return is_name(label.first); }))
      return -1;
    f = families_.emplace_back(new Family{kind, std::string(name), std::string(help), {}, {}})
            .get();
    for (const auto& label : labels) f->label_names.emplace_back(label.first);
  }
  if (f->series.size() >= kMostOfOneName)
    text = written([](const auto&) { return std::string_view("other"); });
  if (const auto known = find(*f, text); known >= 0 || !fits) return fits ? known : -1;
  if (static_cast<std::size_t>(count_) == kMost) return -1;
  auto fresh = std::make_unique<Series>();
  fresh->labels = std::move(text);
  fresh->kind = kind;
  (*all_)[static_cast<std::size_t>(count_)] = fresh.get();
  f->series.emplace_back(count_, std::move(fresh));
  return count_++;
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

void Metrics::write(std::string& out) const {
  constexpr const char* kTypes[] = {"counter", "gauge", "histogram", "histogram"};
  const std::shared_lock lock(mutex_);
  for (const auto& f : families_) {
    out.append("# HELP ").append(f->name).append(" ");
    append_escaped(out, f->help, false);
    out.append("\n# TYPE ").append(f->name).append(" ").append(kTypes[f->kind]).append("\n");
    const auto line = [&](std::string_view suffix, std::string_view labels, std::string_view more,
                          double value) {
      out.append(f->name).append(suffix);
      if (!labels.empty() || !more.empty())
        out.append("{")
            .append(labels)
            .append(labels.empty() || more.empty() ? "" : ",")
            .append(more)
            .append("}");
      out += ' ';
      append_number(out, value);
      out += '\n';
    };
    for (const auto& [id, s] : f->series) {
      if (f->kind == kCounter || f->kind == kGauge) {
        line("", s->labels, "", s->value.load(std::memory_order_relaxed));
        continue;
      }
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i <= bucket_count(f->kind); ++i) {
        sum += s->buckets[i].load(std::memory_order_relaxed);
        std::string le = "le=\"";
        if (i < bucket_count(f->kind)) {
          append_number(le, bound(f->kind, i));
        } else {
          le += "+Inf";
        }
        line("_bucket", s->labels, le + "\"", static_cast<double>(sum));
      }
      line("_sum", s->labels, "", s->value.load(std::memory_order_relaxed));
      line("_count", s->labels, "", static_cast<double>(sum));
    }
  }
}

}  // namespace gatehouse::core
