#include "span.h"

#include <cinttypes>
#include <cstdio>
#include <random>

#include "names.h"

namespace gatehouse::plugins::traces {
namespace {

// Names come from clients: a model, a tool.
constexpr std::size_t kMaxTextBytes = 256;
constexpr int kError = 2;  // Status.StatusCode of OTLP

}  // namespace

std::string new_span_id() {
  static thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, std::uint64_t{random()} | 1);
  return text;
}

Span::Span(View trace_id, View span_id, View parent, SpanKind kind) {
  text_.reserve(1024);
  JsonText json(text_);
  json.open('{').member("traceId", trace_id).member("spanId", span_id);
  if (!parent.empty()) json.member("parentSpanId", parent);
  json.member("kind", static_cast<std::int64_t>(kind)).key("attributes").open('[');
}

JsonText Span::attribute(View name, View type) {
  JsonText json(text_);
  json.open('{').member("key", name).key("value").open('{').key(type);
  return json;
}

void Span::close_attribute() { text_ += "}}"; }

Span& Span::set(View name, View value) {
  attribute(name, "stringValue").value(cut_utf8(value, kMaxTextBytes));
  close_attribute();
  return *this;
}

/// A 64-bit integer is a string in the JSON of protobuf.
Span& Span::set(View name, std::int64_t value) {
  attribute(name, "intValue").value(View(std::to_string(value)));
  close_attribute();
  return *this;
}

Span& Span::set(View name, Json value) {
  if (value.is_integer()) return set(name, value.integer());
  if (value.is_string()) return set(name, value.str());
  if (!value.is_number()) return *this;
  attribute(name, "doubleValue").value(value);
  close_attribute();
  return *this;
}

Span& Span::set_seconds(View name, std::chrono::nanoseconds time) {
  const Document number;
  number.root().set(std::chrono::duration<double>(time).count());
  attribute(name, "doubleValue").value(number.root());
  close_attribute();
  return *this;
}

Span& Span::set_list(View name, View value) {
  attribute(name, "arrayValue")
      .open('{')
      .key("values")
      .open('[')
      .open('{')
      .member("stringValue", cut_utf8(value, kMaxTextBytes));
  text_ += "}]}";
  close_attribute();
  return *this;
}

Span& Span::fail(View type) {
  failed_ = true;
  return set(names::kErrorType, type);
}

std::string Span::end(View name, std::chrono::nanoseconds began, std::chrono::nanoseconds ended) {
  JsonText json(text_);
  json.close(']').member("name", cut_utf8(name, kMaxTextBytes));
  json.member("startTimeUnixNano", View(std::to_string(began.count())));
  json.member("endTimeUnixNano", View(std::to_string(ended.count())));
  json.key("status").open('{');
  if (failed_) json.member("code", std::int64_t{kError});
  json.close('}').close('}');
  return std::move(text_);
}

}  // namespace gatehouse::plugins::traces
