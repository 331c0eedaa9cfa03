/// A provider for servers that speak OpenAI's chat completions: OpenAI, Groq, vLLM, Ollama,
/// llama.cpp, OpenRouter. A chat whose model is not configured is passed on, so that several
/// providers can stand in one pipeline. Nothing is emitted before the server has accepted the
/// request, so that a plugin above can retry until then.
#include <algorithm>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/provider.hpp"
#include "request.h"
#include "response.h"
#include "schema.h"

namespace acme::openai {
namespace {

using namespace std::chrono_literals;

constexpr View kNoTime = "The model's server is overloaded; try again later.";

/// What a status other than 200 means.
Fail rejection(int status, std::chrono::nanoseconds wait) {
  if (status == 401 || status == 403)
    return {502, "upstream_key_refused", "The model's server rejects the key of this gateway.", {},
            0s,  GH_FAIL_UPSTREAM};
  if (status == 404)
    return {502, "upstream_model_unknown", "The model's server does not have this model.", {}};
  if (status == 429)
    return {429, "upstream_rate_limited", std::string(kNoTime), {}, wait, GH_FAIL_TRANSIENT};
  if (status >= 500 || status == 408)
    return {status == 503 ? 503 : 502,           "upstream_error", std::string(kNoTime), {}, wait,
            GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM};
  return {502, "upstream_refused", "The model's server rejects the request.", {}};
}

class OpenAi final : public Plugin {
 public:
  OpenAi(Host host, Json config)
      : host_(host),
        key_(config["api_key"].str()),
        limit_name_(config["limit_name"].str()),
        http_(host,
              {std::string(config["base_url"].str()), config["connect_timeout"].duration(),
               config["first_byte_timeout"].duration(), config["idle_timeout"].duration()},
              "/base_url"),
        health_(host) {
    for (const Json model : config["models"]) models_.emplace_back(model.str());
  }

  Status handle(Exchange& x, Sink& out, Next& next) override {
    const Json chat = x.chat();
    if (!serves(chat["model"].str())) return next(x, out);
    x.notes().edit("model").set(chat["model"]);
    const Unhonoured unhonoured = unhonoured_in(chat);
    if (Status s = unhonoured.check(); !s) return s;
    auto body = request_body(chat, limit_name_);
    if (!body) return body.error();
    Status status = stream(x, out, *body, unhonoured);
    report(status);
    return status;
  }

 private:
  bool serves(View model) const {
    const auto fits = [model](View name) {
      if (name.back() != '*') return name == model;
      name.remove_suffix(1);
      return model.substr(0, name.size()) == name;
    };
    return models_.empty() || std::any_of(models_.begin(), models_.end(), fits);
  }

  Status stream(Exchange& x, Sink& out, View body, const Unhonoured& unhonoured) const {
    auto reply = http_.send(x, "POST", "/chat/completions",
                            {{"Authorization", "Bearer " + key_},
                             {"Content-Type", "application/json"},
                             {"Accept", "text/event-stream"}},
                            body);
    if (!reply) return reply.error();
    if (reply->status() != 200) return rejected(*reply);
    if (Status s = unhonoured.warn(out); !s) return s;
    Response response(out);
    for (;;) {
      auto event = reply->next_event();
      if (!event) return event.error();
      const View data = *event ? view((*event)->data) : "[DONE]";
      if (data == "[DONE]") return response.end();
      if (Status s = response.read(data); !s) return s;
    }
  }

  Status rejected(HttpResponse& reply) const {
    Fail failure = rejection(reply.status(), retry_after(reply, host_.wall()));
    failure.detail = loggable(std::to_string(reply.status()) + " " + read_error_body(reply), key_);
    return failure;
  }

  void report(const Status& status) {
    const Failure failure = status.failure();
    if (failure.code() == "upstream_key_refused")
      return health_.report(GH_DOWN, "the server rejects the key: correct `api_key`");
    if (failure.has(GH_FAIL_UPSTREAM))
      return health_.report(GH_DEGRADED, std::string(failure.code()));
    if (status) health_.report(GH_UP, "");
  }

  const Host host_;
  const std::string key_, limit_name_;
  std::vector<std::string> models_;
  const Http http_;
  UpstreamHealth health_;
};

}  // namespace
}  // namespace acme::openai

GATEHOUSE_PLUGIN(acme::openai::OpenAi, "openai", "1.0.0",
                 "Serves chats with a server that speaks OpenAI's chat completions",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER)
