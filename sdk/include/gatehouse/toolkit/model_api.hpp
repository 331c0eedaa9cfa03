/// Calls of a model's API that responds with server-sent events.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
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

  /// The body has ended or broken off. A time: the response goes on in another request, after so
  /// long.
  virtual std::optional<std::chrono::nanoseconds> continues() { return std::nullopt; }
  /// The request or its response has failed: adds what only this provider knows. `body`: of an
  /// error response; else null.
  virtual void judge(UpstreamFailure&, Json /*body*/) {}
  /// The response is complete.
  virtual void answered(Exchange&) {}
  /// The tokens of the response.
  virtual TokenCounts usage() const { return usage_; }

  /// Something was emitted.
  bool has_begun() const { return step_.has_begun(); }
  /// Why read() or finish() has failed; http_status 0: the sink did.
  const UpstreamFailure& failure() const { return failure_; }
  /// Before a request. `unanswered`: the tokens of attempts before it that had no response; they
  /// were billed, so they are part of the usage that is emitted.
  void begin(const TokenCounts& unanswered) {
    failure_ = no_failure();
    unanswered_ = unanswered;
  }

 protected:
  Status fail(UpstreamFailure failure) {
    failure_ = std::move(failure);
    return Status(GH_FAILED);
  }
  /// Before the stream keeps so many bytes of the response until its end, such as a call or a piece
  /// of its arguments.
  Status keep(std::size_t bytes) {
    constexpr std::size_t kMost = 4 << 20;  // 128,000 tokens, the longest response, have 0.6 MB
    kept_ += bytes;
    if (kept_ <= kMost) return {};
    return fail(malformed_response("its tool calls have more than 4 MiB"));
  }
  /// What a call takes without its arguments, here and in the plugins above: 4,096 calls are the
  /// most of a response.
  static constexpr std::size_t kCallSize = 1024;
  /// Token counts that are known before there is something to show: clients of some APIs get those
  /// of the prompt at the beginning of a response.
  void hold_usage(const TokenCounts& counts) { step_.hold_usage(counts + unanswered_); }
  /// The end of the step. `reason`: in our word; `given`: in that of the API. `more`: the json of
  /// the event.
  Status emit_end(View reason, View given, Json more = Json()) {
    if (about_.root().is_object()) {
      if (Status s = step_.emit(event::response(about_.root())); !s) return s;
    }
    if (Status s = step_.emit_usage(usage_ + unanswered_); !s) return s;
    gh_event end = Event(event::step_finish(reason)).with_text(given);
    end.json = more.raw();
    return step_.emit(end);
  }
  /// What the API reports about the response: `id`, `model`.
  void set_about(View member, View text) {
    if (!text.empty()) about_.root().edit(member).set(text);
  }
  /// A member of GH_EV_USAGE; what is not a number changes nothing.
  void set_usage(View member, Json count) { usage_.set(member, count.integer(-1)); }

  ModelStep step_;
  TokenCounts usage_;
  Document about_;

 private:
  UpstreamFailure failure_ = no_failure();
  TokenCounts unanswered_;
  std::size_t kept_ = 0;
};

/// A request for a response.
struct ModelRequest {
  View model, path;
  /// Writes the body; called for each request, since a response may take minutes, in which a large
  /// body is not kept.
  std::function<std::string()> body;
  std::chrono::nanoseconds first_byte{0};  ///< Longest time until then; 0: as configured.
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
    bool has_list = true;              ///< Every server of this API does.
    std::string key_header;            ///< Which has the key; without a key it is not sent.
    std::string before_key;            ///< In that header, such as "Bearer ".
    Headers headers;                   ///< Of each request.
    std::vector<std::string> secrets;  ///< Values of headers that appear in no log.
    /// A response that breaks off before anything was emitted may be requested again.
    bool repeats_unseen = false;
    /// What a status other than 200 means, and an error in a stream (200).
    UpstreamFailure (*failure_of)(int http_status, Json body) = nullptr;
    /// When to send a rejected request again, where neither a header nor failure_of() reports it.
    /// 0: unknown. Null: no header has it.
    std::chrono::nanoseconds (*wait)(const HttpResponse&, std::chrono::nanoseconds wall) = nullptr;
    /// More for the remedy of a failure, by the key of the request. Null: none.
    std::string (*hint)(const UpstreamFailure&, View key) = nullptr;
    /// What the health reports while the API responds. Null: nothing.
    std::function<std::string()> news;
  };

  /// `config` has api_key, which may be a list of keys, connect_timeout, first_byte_timeout,
  /// idle_timeout and probe_interval.
  ModelApi(Host host, Json config, Options options)
      : host_(host),
        options_(std::move(options)),
        keys_(host, config["api_key"]),
        probe_interval_(config["probe_interval"].duration()),
        http_(
            host,
            {options_.base_url, config["connect_timeout"].duration(),
             config["first_byte_timeout"].duration(kFirstByte), config["idle_timeout"].duration()},
            "/base_url"),
        metrics_(host, options_.provider, options_.gen_ai_provider),
        health_(host) {
    if (config["probe_interval"].boolean(true)) background<&ModelApi::watch>(host, this);
  }

  /// One request and its response, unless that goes on in further ones; as many as there are keys
  /// while the API rejects these. Notes the model, and the provider as OpenTelemetry calls it.
  Status call(Exchange& x, const ModelRequest& request, ModelStream& stream) {
    x.notes().edit("model").set(request.model);
    x.notes().edit("provider").set(View(options_.gen_ai_provider));
    return keys_.use(x, [&](View key) {
      stream.begin(TokenCounts(unanswered(x)));
      Attempt attempt{x, key, request, stream, {request.model, host_.now()}};
      if (!stream.is_event_stream()) attempt.call.operation = "count_tokens";
      return settle(attempt, respond(attempt));
    });
  }
  /// An attempt for this request before had no response.
  bool has_failed(const Exchange& x) const { return static_cast<bool>(unanswered(x)); }

 private:
  /// What becomes one response.
  struct Attempt {
    Exchange& x;
    const View key;
    const ModelRequest& request;
    ModelStream& stream;
    ModelCall call;
    UpstreamFailure failure = no_failure();  ///< Of the API or the connection.
    Document error{};                        ///< The body of an error response.
    /// Of the current request: the body broke off; the API has rejected it.
    bool is_broken = false, is_rejected = false;

    Status fail(UpstreamFailure why) {
      failure = std::move(why);
      return Status(GH_FAILED);
    }
  };

  /// The requests of an attempt, one after another.
  Status respond(Attempt& a) {
    for (int hop = 0;; ++hop) {
      const auto began = host_.now();
      a.failure = no_failure();
      a.is_broken = a.is_rejected = false;
      Status status = request(a);
      note_attempt(a.x, host_.now() - began);
      if (a.is_rejected && hop > 0 && a.stream.has_begun()) {  // what was sent of it stays
        explain(a.x, a.key, a.call.model, a.failure);
        a.failure = no_failure();
        return finish(a);
      }
      if (!status && !a.is_broken) return status;
      const auto pause = a.stream.continues();
      if (!pause) return status ? finish(a) : std::move(status);
      if (pause->count() == 0) continue;
      if (Status slept = host_.sleep(a.x, *pause); !slept) return slept;
    }
  }

  Result<HttpResponse> send(Exchange& x, View key, View method, View path, View body,
                            std::chrono::nanoseconds first_byte = {}) const {
    std::vector<std::pair<View, View>> headers;
    const std::string authorization = options_.before_key + std::string(key);
    if (!key.empty()) headers.emplace_back(options_.key_header, authorization);
    for (const auto& [name, value] : options_.headers) headers.emplace_back(name, value);
    if (method == "POST") headers.emplace_back("Content-Type", "application/json");
    return http_.send(x, method, path, headers, body, first_byte);
  }

  Status request(Attempt& a) const {
    auto response =
        send(a.x, a.key, "POST", a.request.path, a.request.body(), a.request.first_byte);
    if (!response) return interrupt(a, response.error());
    a.call.http_status = response->status();
    if (response->status() != 200) {
      a.is_rejected = true;
      return a.fail(rejection(*response, a.error));
    }
    if (!a.stream.is_event_stream()) return read_document(a, *response);
    if (!is_event_stream(*response)) return a.fail(malformed_response("it is not an event stream"));
    return read(a, *response);
  }

  Status read(Attempt& a, HttpResponse& response) const {
    while (!a.stream.is_complete()) {
      auto event = response.next_event();
      if (!event) return interrupt(a, event.error());
      if (!*event) break;
      if (a.call.first_chunk.count() == 0) a.call.first_chunk = host_.now();
      if (Status s = a.stream.read(**event); !s) return take_failure(a, std::move(s));
    }
    return {};
  }

  Status read_document(Attempt& a, HttpResponse& response) const {
    std::string body;
    if (Status s = read_short_body(response, body); !s) return interrupt(a, std::move(s));
    gh_sse_event whole{};
    whole.data = raw(body);
    return take_failure(a, a.stream.read(whole));
  }

  static Status finish(Attempt& a) { return take_failure(a, a.stream.finish()); }
  static Status take_failure(Attempt& a, Status status) {
    if (!status && a.stream.failure().http_status != 0) a.failure = a.stream.failure();
    return status;
  }
  /// `status`: of the host's HTTP client.
  Status interrupt(Attempt& a, Status status) const {
    if (status.code() != GH_FAILED) return status;
    a.is_broken = true;
    a.failure = failure_of_host(a.x);
    if (a.call.first_chunk.count() != 0 && !options_.repeats_unseen)
      a.failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};
    return status;
  }

  /// Why a response has another status than 200. `error`: gets its body, unless that is no JSON.
  UpstreamFailure rejection(HttpResponse& response, Document& error) const {
    const std::string body = read_error_body(response);
    if (auto document = Document::parse(body))
      error = std::move(*document);  // else HTML of a proxy
    UpstreamFailure failure = options_.failure_of(response.status(), error.root());
    if (failure.detail.empty())
      failure.detail = "HTTP " + std::to_string(response.status()) + ": " + body;
    // Both OpenAI and Anthropic let this header override the status.
    const View should_retry = response.header("x-should-retry");
    if (should_retry == "true") failure.flags |= GH_FAIL_TRANSIENT;
    if (should_retry == "false") failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};
    if ((failure.flags & GH_FAIL_TRANSIENT) == 0) return failure;
    if (const auto wait = retry_after(response, host_.wall()); wait.count() > 0)
      failure.retry_after = wait;
    if (failure.retry_after.count() == 0 && options_.wait)
      failure.retry_after = options_.wait(response, host_.wall());
    return failure;
  }

  /// What an attempt leaves besides its response.
  Status settle(Attempt& a, Status status) {
    const bool is_failure = a.failure.http_status != 0;
    if (is_failure) {
      settle_failure(a);
    } else if (!status) {
      const Failure why = status.failure();
      a.call.error = why ? std::string(why.code()) : "cancelled";
    } else {
      a.stream.answered(a.x);
      forget_unanswered(a.x);
      health_.report(GH_UP, news());
    }
    if (status || is_failure) health_.note_request();
    const TokenCounts used = a.stream.usage();
    a.call.input_tokens = used["input_tokens"].value_or(-1);
    a.call.output_tokens = used["output_tokens"].value_or(-1);
    metrics_.count(a.call);
    return is_failure ? Status(Fail(std::move(a.failure))) : std::move(status);
  }

  void settle_failure(Attempt& a) {
    a.stream.judge(a.failure, a.error.root());
    if (a.failure.once && has_failed(a.x)) a.failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};
    a.call.error = a.failure.code;
    explain(a.x, a.key, a.call.model, a.failure);
    MutableJson note = a.x.notes().edit("unanswered").edit(options_.provider);
    (TokenCounts(note) + a.stream.usage()).write(note);
    note.edit("attempts").set(note["attempts"].integer() + 1);
  }

  /// What attempts of this provider without a response have cost, by the names of GH_EV_USAGE, and
  /// their number.
  Json unanswered(const Exchange& x) const { return x.notes()["unanswered"][options_.provider]; }
  void forget_unanswered(const Exchange& x) const {
    MutableJson notes = x.notes();
    const Json all = notes["unanswered"];
    if (const Json mine = all[options_.provider]) notes.erase(all.size() > 1 ? mine : all);
  }

  /// Logs a failure, here, as a retry hides it from everybody above, and shows it in the health.
  void explain(const Exchange& x, View key, View model, UpstreamFailure& failure) {
    failure.detail = loggable(std::move(failure.detail), key);
    for (const std::string& secret : options_.secrets)
      failure.detail = loggable(std::move(failure.detail), secret);
    if (options_.hint) failure.remedy.append(options_.hint(failure, key));
    const Document fields;
    if (!model.empty()) fields.root().edit("model").set(model);
    fields.root().edit("code").set(View(failure.code));
    fields.root().edit("detail").set(View(failure.detail));
    const std::string why = failure.remedy.empty() ? "" : ": " + failure.remedy;
    const bool is_for_operator =
        failure.health == GH_DOWN || (failure.health == GH_UP && !failure.remedy.empty());
    host_.log(is_for_operator ? GH_ERROR : GH_WARN, &x, "model request failed" + why,
              fields.root());
    // Another key may be accepted.
    const int worst = keys_.count() > 1 ? GH_DEGRADED : GH_DOWN;
    if (failure.health != GH_UP) health_.report(std::min(failure.health, worst), failure.remedy);
  }

  std::string news() const { return options_.news ? options_.news() : std::string(); }

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
        Document error;
        failure = rejection(*response, error);  // reads it to its end: the connection is reused
        const int s = response->status();
        if (s == 200 || (!options_.has_list && (s == 404 || s == 405))) {
          health_.report(GH_UP, news());
          return {};
        }
      }
      blame_address(failure);
      explain(x, key, {}, failure);
      return Fail(std::move(failure));
    });
  }

  /// For a failure of the probe that a chat or a model would be to blame for, but there is none.
  static void blame_address(UpstreamFailure& failure) {
    const bool is_rejected =
        failure.code == "upstream_refused" || failure.code == "upstream_model_unknown";
    if (failure.health != GH_UP && !is_rejected) return;
    failure.health = GH_DEGRADED;
    failure.remedy =
        is_rejected ? "the probe (a list of models) is rejected: check base_url" : failure.message;
  }

  /// Of the probe, where the provider has a time for each model.
  static constexpr std::chrono::milliseconds kFirstByte = std::chrono::minutes(5);

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
