#include <chrono>
#include <cstdint>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/outcome.hpp"
#include "schema.h"  // made from schema.json: GATEHOUSE_SCHEMA

namespace request_log {

using namespace gatehouse;

/// Counts the bytes of a response on their way to the client.
class Counter final : public Sink {
 public:
  explicit Counter(Sink& out) : out_(out) {}

  Status emit(Event e) override {
    if (e.kind() == GH_EV_BYTES) bytes_ += static_cast<std::int64_t>(e.text().size());
    return out_.emit(e);
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  Sink& out_;
  std::int64_t bytes_ = 0;
};

/// Logs each request when it has ended.
class RequestLog final : public Plugin {
 public:
  RequestLog(Host host, Json config) : host_(host), slow_(config["slow"].duration()) {}

  Status handle(Exchange& x, Sink& out, Next& next) override {
    Counter counter(out);
    const auto began = host_.now();
    Status status = next(x, counter);  // the rest of the pipeline
    log(x, outcome_of(host_, x, status), counter.bytes(), host_.now() - began);
    return status;
  }

 private:
  void log(const Exchange& x, const Outcome& outcome, std::int64_t bytes,
           std::chrono::nanoseconds took) const {
    const Document fields;
    fields.root().edit("method").set(x.method());
    fields.root().edit("path").set(x.path());
    fields.root().edit("status").set(outcome.status);
    fields.root().edit("bytes").set(bytes);
    fields.root().edit("ms").set(in_ms(took));
    host_.log(took > slow_ ? GH_WARN : GH_INFO, &x, "request", fields.root());
  }

  const Host host_;
  const std::chrono::nanoseconds slow_;
};

}  // namespace request_log

GATEHOUSE_PLUGIN(request_log::RequestLog, "request-log", "0.1.0", "Logs each request",
                 GATEHOUSE_SCHEMA, 0)
