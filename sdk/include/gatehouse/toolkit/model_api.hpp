/// Calls of a model's API that responds with server-sent events.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/background.hpp"
#include "gatehouse/toolkit/api_keys.hpp"
#include "gatehouse/toolkit/call_metrics.hpp"
#include "gatehouse/toolkit/model_step.hpp"
#include "gatehouse/toolkit/retry_after.hpp"
#include "gatehouse/toolkit/token_counts.hpp"
#include "gatehouse/toolkit/upstream_error.hpp"
#include "gatehouse/toolkit/upstream_failure.hpp"
#include "gatehouse/toolkit/upstream_health.hpp"

namespace gatehouse {
inline namespace v1 {

/// Turns one response of a model into the events of one step.
class ModelStream {
 public:
  ModelStream(Sink& out, const Unhonoured& unhonoured) : step_(out, &unhonoured) {}
  virtual ~ModelStream() = default;

  /// The response is to be a stream of events; else it is one JSON document, which read() gets as
  /// the data of a single event.
  virtual bool is_event_stream() const { return true; }
  /// One event of the response.
  virtual Status read(const gh_sse_event& e) = 0;
  /// Nothing more is to be read.
  virtual bool is_complete() const = 0;
  /// After the last event, which may have come too early.
  virtual Status finish() = 0;

  /// Why read() or finish() has failed; http_status 0: the sink did.
  const UpstreamFailure& failure() const { return failure_; }
  TokenCounts usage() const { return TokenCounts(usage_.root()); }

 protected:
  Status fail(UpstreamFailure failure) {
    failure_ = std::move(failure);
    return Status(GH_FAILED);
  }
  /// The end of the step. `reason`: in our word; `given`: in that of the API.
  Status emit_end(View reason, View given) {
    if (about_.root().is_object()) {
      if (Status s = step_.emit(event::response(about_.root())); !s) return s;
    }
    if (usage_.root().is_object()) {
      if (Status s = step_.emit(event::usage(usage_.root())); !s) return s;
    }
    return step_.emit(Event(event::step_finish(reason)).with_text(given));
  }
  /// What the API reports about the response: `id`, `model`.
  void set_about(View member, View text) {
    if (!text.empty()) about_.root().edit(member).set(text);
  }
  /// A member of GH_EV_USAGE; what is not a number changes nothing.
  void set_usage(View member, Json count) {
    if (count.is_integer() && count.integer() >= 0) usage_.root().edit(member).set(count);
  }

  ModelStep step_;
  Document usage_, about_;

 private:
  UpstreamFailure failure_ = [] {
    UpstreamFailure none;
    none.http_status = 0;
    return none;
  }();
};

/// A model's API: sends requests and keeps its health, metrics and log. Any thread.
class ModelApi {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  struct Options {
    /// Those of the operator, whose values appear in no log. Without a value one is not sent.
    void add_headers(Json given) {
      for (const auto [name, value] : given.members()) {
        if (value.str().empty()) continue;
        headers.emplace_back(name, value.str());
        secrets.emplace_back(value.str());
      }
    }

    std::string provider;         ///< As the gateway calls it.
    std::string gen_ai_provider;  ///< As OpenTelemetry does.
    std::string base_url;
    std::string list_path;             ///< Where the API lists its models, which is free of charge.
    std::string key_header;            ///< Which has the key; without a key it is not sent.
    std::string before_key;            ///< In that header, such as "Bearer ".
    Headers headers;                   ///< Of each request.
    std::vector<std::string> secrets;  ///< Values of headers that appear in no log.
    /// What a status other than 200 means, and an error in a stream (200).
    UpstreamFailure (*failure_of)(int http_status, Json body);
    /// When to send a rejected request again, where there is no Retry-After. 0: unknown.
    std::chrono::nanoseconds (*wait)(const HttpResponse&, std::chrono::nanoseconds wall);
  };

  /// `config` has api_key, which may be a list of keys, connect_timeout, first_byte_timeout,
  /// idle_timeout and probe_interval.
  ModelApi(Host host, Json config, Options options)
      : host_(host),
        options_(std::move(options)),
        keys_(host, config["api_key"]),
        probe_interval_(config["probe_interval"].duration()),
        http_(host,
              {options_.base_url, config["connect_timeout"].duration(),
               config["first_byte_timeout"].duration(), config["idle_timeout"].duration()},
              "/base_url"),
        metrics_(host, options_.provider, options_.gen_ai_provider),
        health_(host) {
    if (config["probe_interval"].boolean(true)) background<&ModelApi::watch>(host, this);
  }

  /// One request and its response; as many requests as there are keys while the API rejects these.
  /// Notes the model and the provider, as OpenTelemetry calls it.
  Status call(Exchange& x, View model, View path, View body, ModelStream& stream) {
    x.notes().edit("model").set(model);
    x.notes().edit("provider").set(View(options_.gen_ai_provider));
    return keys_.use(x, [&](View key) -> Status {
      ModelCall call{model, host_.now()};
      if (!stream.is_event_stream()) call.operation = "count_tokens";
      UpstreamFailure failure;
      failure.http_status = 0;
      Status status = attempt(x, key, path, body, stream, call, failure);
      note_attempt(x, host_.now() - call.began);
      settle(x, key, call, stream, status, failure);
      return failure.http_status == 0 ? std::move(status) : Status(Fail(std::move(failure)));
    });
  }

 private:
  Result<HttpResponse> send(Exchange& x, View key, View method, View path, View body) const {
    std::vector<std::pair<View, View>> headers;
    const std::string authorization = options_.before_key + std::string(key);
    if (!key.empty()) headers.emplace_back(options_.key_header, authorization);
    for (const auto& [name, value] : options_.headers) headers.emplace_back(name, value);
    if (method == "POST") headers.emplace_back("Content-Type", "application/json");
    return http_.send(x, method, path, headers, body);
  }

  Status attempt(Exchange& x, View key, View path, View body, ModelStream& stream, ModelCall& call,
                 UpstreamFailure& failure) const {
    auto response = send(x, key, "POST", path, body);
    if (!response) return interrupt(x, response.error(), failure);
    call.http_status = response->status();
    if (response->status() != 200) return fail(rejection(*response), failure);
    Status status;
    if (!stream.is_event_stream()) {
      status = read_document(x, *response, stream, failure);
    } else if (is_event_stream(*response)) {
      status = read(x, *response, stream, call, failure);
    } else {
      return fail(malformed_response("it is not an event stream"), failure);
    }
    if (!status && stream.failure().http_status != 0) failure = stream.failure();
    return status;
  }

  /// No broken connection is transient once the response has begun.
  Status read(Exchange& x, HttpResponse& response, ModelStream& stream, ModelCall& call,
              UpstreamFailure& failure) const {
    while (!stream.is_complete()) {
      auto event = response.next_event();
      if (!event) {
        Status status = interrupt(x, event.error(), failure);
        if (call.first_chunk.count() != 0) failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};
        return status;
      }
      if (!*event) break;
      if (call.first_chunk.count() == 0) call.first_chunk = host_.now();
      if (Status s = stream.read(**event); !s) return s;
    }
    return stream.finish();
  }

  static Status read_document(const Exchange& x, HttpResponse& response, ModelStream& stream,
                              UpstreamFailure& failure) {
    std::string body;
    if (Status s = read_short_body(response, body); !s) return interrupt(x, std::move(s), failure);
    gh_sse_event whole{};
    whole.data = raw(body);
    if (Status s = stream.read(whole); !s) return s;
    return stream.finish();
  }

  static Status fail(UpstreamFailure why, UpstreamFailure& failure) {
    failure = std::move(why);
    return Status(GH_FAILED);
  }
  /// `status`: of the host's HTTP client.
  static Status interrupt(const Exchange& x, Status status, UpstreamFailure& failure) {
    if (status.code() == GH_FAILED) failure = failure_of_host(x);
    return status;
  }

  /// Why a response has another status than 200.
  UpstreamFailure rejection(HttpResponse& response) const {
    const std::string body = read_error_body(response);
    auto document = Document::parse(body);  // of proxies it may be HTML
    UpstreamFailure failure =
        options_.failure_of(response.status(), document ? Json(document->root()) : Json());
    failure.detail = "HTTP " + std::to_string(response.status()) + ": " + body;
    // Both OpenAI and Anthropic let this header override the status.
    const View should_retry = response.header("x-should-retry");
    if (should_retry == "true") failure.flags |= GH_FAIL_TRANSIENT;
    if (should_retry == "false") failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};
    if ((failure.flags & GH_FAIL_TRANSIENT) == 0) return failure;
    failure.retry_after = retry_after(response, host_.wall());
    if (failure.retry_after.count() == 0)
      failure.retry_after = options_.wait(response, host_.wall());
    return failure;
  }

  /// What an attempt leaves besides its response.
  void settle(Exchange& x, View key, ModelCall& call, const ModelStream& stream,
              const Status& status, UpstreamFailure& failure) {
    if (failure.http_status != 0) {
      call.error = failure.code;
      explain(x, key, call.model, failure);
    } else if (!status) {
      const Failure why = status.failure();
      call.error = why ? std::string(why.code()) : "cancelled";
    } else {
      health_.report(GH_UP, "");
    }
    if (status || failure.http_status != 0) health_.note_request();
    call.input_tokens = stream.usage()["input_tokens"].value_or(-1);
    call.output_tokens = stream.usage()["output_tokens"].value_or(-1);
    metrics_.count(call);
  }

  /// Logs a failure, here, as a retry hides it from everybody above, and shows it in the health.
  void explain(const Exchange& x, View key, View model, UpstreamFailure& failure) {
    failure.detail = loggable(std::move(failure.detail), key);
    for (const std::string& secret : options_.secrets)
      failure.detail = loggable(std::move(failure.detail), secret);
    const Document fields;
    if (!model.empty()) fields.root().edit("model").set(model);
    fields.root().edit("code").set(View(failure.code));
    fields.root().edit("detail").set(View(failure.detail));
    const std::string why = failure.remedy.empty() ? "" : ": " + failure.remedy;
    host_.log(failure.health == GH_DOWN ? GH_ERROR : GH_WARN, &x, "model request failed" + why,
              fields.root());
    // Another key may be accepted.
    const int worst = keys_.count() > 1 ? GH_DEGRADED : GH_DOWN;
    if (failure.health != GH_UP) health_.report(std::min(failure.health, worst), failure.remedy);
  }

  /// In the background.
  void watch(Exchange& x) {
    health_.watch(x, probe_interval_, [this](Exchange& probing) { probe(probing); });
  }

  void probe(Exchange& x) {
    (void)keys_.use(x, [&](View key) -> Status {
      auto response = send(x, key, "GET", options_.list_path, {});
      UpstreamFailure failure;
      if (!response) {
        Status status = response.error();
        if (status.code() != GH_FAILED) return status;
        failure = failure_of_host(x);
      } else {
        failure = rejection(*response);  // reads it to its end, so that the connection is reused
        // A server without such a list responds, and that is all that is probed.
        if (const int s = response->status(); s == 200 || s == 404 || s == 405) {
          health_.report(GH_UP, "");
          return {};
        }
      }
      if (failure.health == GH_UP)
        failure = upstream_failure(GH_DEGRADED, failure.message, failure);
      explain(x, key, {}, failure);
      return Fail(std::move(failure));
    });
  }

  const Host host_;
  const Options options_;
  ApiKeys keys_;
  const std::chrono::nanoseconds probe_interval_;
  const Http http_;
  const CallMetrics metrics_;
  UpstreamHealth health_;
};

}  // namespace v1
}  // namespace gatehouse
