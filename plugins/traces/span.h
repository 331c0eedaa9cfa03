#pragma once

#include <chrono>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::traces {

/// SpanKind of OTLP (opentelemetry/proto/trace/v1/trace.proto).
enum class SpanKind { kInternal = 1, kServer = 2, kClient = 3 };

/// The time since 1970, which no adjustment of the clock moves while this object lives.
class SpanClock {
 public:
  explicit SpanClock(Host host) : host_(host), offset_(host.wall() - host.now()) {}
  std::chrono::nanoseconds now() const { return host_.now() + offset_; }

 private:
  const Host host_;
  const std::chrono::nanoseconds offset_;
};

/// 16 hexadecimal digits, not all 0. Any thread.
std::string new_span_id();

/// A span that is being written, as JSON of OTLP. Times are since 1970.
class Span {
 public:
  /// `parent` may be empty.
  Span(View trace_id, View span_id, View parent, SpanKind kind);

  Span& set(View attribute, View value);
  Span& set(View attribute, std::int64_t value);
  /// A number, or a text; other values are left out.
  Span& set(View attribute, Json value);
  Span& set_seconds(View attribute, std::chrono::nanoseconds time);
  /// A list with one text.
  Span& set_list(View attribute, View value);
  /// The operation failed: `type` is the code of the failure.
  Span& fail(View type);
  /// The whole span.
  std::string end(View name, std::chrono::nanoseconds began, std::chrono::nanoseconds ended);

 private:
  /// Opens the value of an attribute, of this type.
  JsonText attribute(View name, View type);
  void close_attribute();

  std::string text_;
  bool failed_ = false;
};

}  // namespace gatehouse::plugins::traces
