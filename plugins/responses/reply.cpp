#include "reply.h"

#include <utility>

#include "gatehouse/toolkit/openai_error.hpp"

namespace gatehouse::plugins::responses {
namespace {

View incomplete_reason(View finish_reason) {
  if (finish_reason == "length") return "max_output_tokens";
  return finish_reason == "content-filter" ? View("content_filter") : View();
}

/// Codes of failed responses are fewer than those of errors; clients decide by them what to do.
View code_of(Json error) {
  const View code = error["code"].str();
  for (const View known : {"context_length_exceeded", "insufficient_quota", "rate_limit_exceeded"})
    if (code == known) return known;
  return error["type"].str() == "invalid_request_error" ? "invalid_prompt" : "server_error";
}

std::int64_t seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

}  // namespace

Reply::Reply(Host host, Exchange& x, Sink& out, Json body, std::string random, const CallIds& ids,
             StoredItems& stored)
    : x_(x),
      out_(out),
      stored_(stored),
      streams_(body["stream"].boolean()),
      keeps_(stored.keeps() && body["store"].boolean(true)),
      random_(std::move(random)),
      response_(body, random_, seconds(host.wall())),
      stream_(out),
      events_(response_, stream_),
      items_(random_, {x.chat()["reasoning"]["visible"].boolean(), keeps_},
             streams_ ? &events_ : nullptr),
      calls_(items_, x, ids) {
  if (streams_) EventStream::write_head(x);
}

Status Reply::emit(Event e) {
  if (e.kind() == GH_EV_STEP_START) name_model();
  if (Status s = calls_.emit(e); !s) return s;
  return stream_.is_empty() ? Status() : stream_.send();
}

Status Reply::finish(View reason, const ModelResponse& response) {
  if (Status s = calls_.end(reason); !s) return s;
  if (Status s = keep_items(); !s) return s;
  name_model();
  const TokenCounts tokens = response.tokens();
  const View incomplete = incomplete_reason(reason);
  return send({.status = incomplete.empty() ? "completed" : "incomplete",
               .output = items_.items(),
               .incomplete_reason = incomplete,
               .usage = &tokens});
}

Status Reply::fail(const Failure& failure) {
  auto body = Document::parse(openai_error(failure));
  const Json error = body->root()["error"];
  name_model();
  events_.open();
  events_.write_error(error);
  return send({.status = "failed",
               .output = items_.items(),
               .error_code = code_of(error),
               .error_message = error["message"].str()});
}

/// A plugin below may choose another model for each attempt.
void Reply::name_model() {
  if (!events_.is_open()) response_.set_model(x_.chat()["model"].str());
}

Status Reply::keep_items() {
  if (!keeps_ || items_.parts().empty()) return {};
  return stored_.keep(x_, random_, std::string("[").append(items_.parts()).append("]"));
}

Status Reply::send(const ResponseState& state) {
  if (streams_) {
    events_.open();
    events_.close(state);
    return stream_.send(true);
  }
  std::string body;
  JsonText json(body);
  response_.write(state, json);
  return x_.reply(out_, 200, "application/json", body);
}

}  // namespace gatehouse::plugins::responses
