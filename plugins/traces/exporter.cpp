/// One background task takes batches out of the queue: when one is full, else every few seconds. A
/// batch that the collector does not take for now is sent again, for as long as that lasts;
/// meanwhile the queue fills and drops its oldest spans. So memory is bounded, and no request waits
/// for the collector. When the instance ends, each batch that is left is sent once.
#include "exporter.h"

#include <algorithm>

#include "gatehouse/toolkit/json_text.hpp"
#include "gatehouse/toolkit/retry_after.hpp"
#include "names.h"

namespace gatehouse::plugins::traces {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kInterval = 5s;    // as OpenTelemetry's SDKs (OTEL_BSP_…)
constexpr std::chrono::nanoseconds kTimeout = 10s;    // OTEL_EXPORTER_OTLP_TIMEOUT
constexpr std::chrono::nanoseconds kFirstDelay = 1s;  // doubles with each further one
constexpr std::chrono::nanoseconds kLongestPause = 30s;
constexpr std::chrono::nanoseconds kLastMoment = 3s;
constexpr std::size_t kMaxReply = 64 * 1024;

std::vector<std::pair<std::string, std::string>> headers_of(Host host, Json config) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto [name, value] : config["headers"].members()) {
    for (const View own :
         {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Content-Type"}) {
      if (equals_ignoring_case(name, own))
        host.problem("/headers", "the gateway itself sends " + std::string(own) + ": remove it");
    }
    headers.emplace_back(name, value.str());
  }
  return headers;
}

std::string head_of(Host host, Json config) {
  std::string head;
  JsonText json(head);
  const auto attribute = [&json](View name, View value) {
    json.open('{').member("key", name).key("value").open('{').member("stringValue", value);
    json.close('}').close('}');
  };
  json.open('{').key("resourceSpans").open('[').open('{');
  json.key("resource").open('{').key("attributes").open('[');
  attribute(names::kServiceName, config["service_name"].str());
  attribute(names::kServiceVersion, host.version());
  json.close(']').close('}').key("scopeSpans").open('[').open('{');
  json.key("scope").open('{').member("name", View("gatehouse")).member("version", host.version());
  json.close('}').key("spans").open('[');
  return head;
}

std::string body_of(const std::string& head, const std::vector<std::string>& spans) {
  std::string body = head;
  for (const std::string& span : spans)
    body.append(&span == &spans.front() ? "" : ",").append(span);
  return body.append("]}]}]}");
}

Series spans(Host host, View result) {
  return Series(host, GH_COUNTER, "gatehouse_trace_spans_total",
                "Spans by what became of them: exported, rejected by the collector, or dropped.",
                {{"result", result}});
}

bool is_transient(int status) {  // of the OTLP specification, "Retryable Response Codes"
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

Exporter::Exporter(Host host, Json config)
    : host_(host),
      headers_(headers_of(host, config)),
      head_(head_of(host, config)),
      http_(host, {std::string(config["endpoint"].str()), kTimeout, kTimeout, kTimeout},
            "/endpoint"),
      waker_(host),
      exported_(spans(host, "exported")),
      rejected_(spans(host, "rejected")),
      dropped_(spans(host, "dropped")) {
  if (!waker_) host.problem("", "no descriptor is left: raise LimitNOFILE");
}

void Exporter::add(std::string span) {
  const Queue::Pushed pushed = queue_.push(std::move(span));
  if (pushed.dropped > 0) dropped_.record(static_cast<double>(pushed.dropped));
  if (pushed.is_batch) waker_.wake();
}

void Exporter::run(Exchange& x) {
  while (!ends_) {
    if (!waker_.wait(x, kInterval)) begin_to_end(x);
    for (auto batch = queue_.take(); !batch.empty(); batch = queue_.take()) deliver(x, batch);
  }
}

void Exporter::begin_to_end(Exchange& x) {
  linger(host_, x, kLastMoment);
  ends_ = true;
}

void Exporter::deliver(Exchange& x, const std::vector<std::string>& spans) {
  const std::string body = body_of(head_, spans);
  for (auto delay = kFirstDelay;; delay = std::min(2 * delay, kLongestPause)) {
    const bool is_last = ends_;
    const Reply reply = post(x, body, spans.size());
    if (reply.result == Result::kAccepted || reply.result == Result::kRejected) return;
    if (is_last) return dropped_.record(static_cast<double>(spans.size()));
    const bool goes_on =
        reply.result == Result::kRetry && host_.sleep(x, std::max(delay, reply.retry_after));
    if (!goes_on) begin_to_end(x);
  }
}

Exporter::Reply Exporter::post(Exchange& x, const std::string& body, std::size_t spans) {
  std::vector<std::pair<View, View>> headers{{"Content-Type", "application/json"}};
  headers.insert(headers.end(), headers_.begin(), headers_.end());
  auto response = http_.send(x, "POST", "/v1/traces", headers, body);
  if (response) return judge(*response, spans);
  const Status status = response.error();
  if (status.code() != GH_FAILED) return {Result::kCancelled};
  warn("the trace collector cannot be reached: " + std::string(status.failure().detail()));
  return {Result::kRetry};
}

Exporter::Reply Exporter::judge(HttpResponse& response, std::size_t spans) {
  const int status = response.status();
  if (status >= 200 && status < 300) {
    count_accepted(response, spans);
    return {Result::kAccepted};
  }
  const std::string what = "the trace collector responded with status " + std::to_string(status);
  if (is_transient(status)) {
    warn(what + "; the spans are sent again");
    return {Result::kRetry, std::min(retry_after(response, host_.wall()), kLongestDelay)};
  }
  warn(what + "; the spans are lost");
  rejected_.record(static_cast<double>(spans));
  return {Result::kRejected};
}

/// A collector may reject some spans of a batch (ExportTracePartialSuccess).
void Exporter::count_accepted(HttpResponse& response, std::size_t spans) {
  std::string body;
  for (auto piece = response.read(); piece && *piece && body.size() < kMaxReply;
       piece = response.read())
    body.append(**piece);
  auto reply = Document::parse(body.empty() ? View("{}") : View(body));
  if (!reply) return exported_.record(static_cast<double>(spans));
  const Json partial = reply->root()["partialSuccess"];
  const Json count = partial["rejectedSpans"];  // a 64-bit integer is a string in this JSON
  const double rejected =
      std::min(static_cast<double>(spans),
               std::max(0.0, count.is_string() ? std::atof(std::string(count.str()).c_str())
                                               : count.real()));
  exported_.record(static_cast<double>(spans) - rejected);
  if (rejected == 0) return;
  rejected_.record(rejected);
  warn("the trace collector rejected spans: " +
       std::string(cut_utf8(partial["errorMessage"].str(), 256)));
}

void Exporter::warn(const std::string& message) {
  if (warnings_.due(host_.now())) host_.warn(message);
}

}  // namespace gatehouse::plugins::traces
