#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/http/sse.h"
#include "core/json/json.h"
#include "gatehouse/plugin.hpp"
#include "plugins/chat/ui_stream.h"
#include "require.h"

namespace gatehouse {

/// What a client of the AI SDK insists on.
class UiClient final : public Sink {
 public:
  Status emit(Event e) override {
    require(!done_, "nothing follows the end");
    received_.append(e.text());
    for (std::size_t end; (end = received_.find("\n\n")) != std::string::npos;
         received_.erase(0, end + 2))
      read(received_.substr(0, end));
    done_ = e.has(GH_LAST);
    if (done_)
      require(received_.empty() && last_ == "[DONE]" && (before_ == "finish" || before_ == "error"),
              "a stream ends with finish or error, then [DONE]");
    return {};
  }
  bool done() const { return done_; }

 private:
  void read(const std::string& event) {
    require(event.rfind("data: ", 0) == 0 && event.find_first_of("\r\n") == std::string::npos,
            "a chunk is one line of data");
    before_ = last_;
    last_ = event.substr(6);
    if (last_ == "[DONE]") return;
    const auto chunk = nlohmann::json::parse(last_, nullptr, false);
    require(chunk.is_object() && chunk.contains("type") && chunk["type"].is_string(),
            "a chunk is a JSON object with a type");
    for (const auto& member : chunk.items()) {
      require(!member.value().is_null() || member.key() == "input" || member.key() == "output",
              "what is optional is left out, not null");
    }
    last_ = chunk["type"];
    if (last_ == "text-start" || last_ == "reasoning-start")
      require(open_.insert(chunk["id"]).second, "a block is opened once");
    if (last_ == "text-delta" || last_ == "reasoning-delta")
      require(open_.count(chunk["id"]) == 1, "a delta belongs to an open block");
    if (last_ == "text-end" || last_ == "reasoning-end")
      require(open_.erase(chunk["id"]) == 1, "a block is closed once");
    if (last_ == "finish-step") require(open_.empty(), "a step closes its blocks");
  }

  std::string received_, last_, before_;
  std::set<std::string> open_;
  bool done_ = false;
};

inline gh_host fuzz_host() {
  gh_host host{};
  host.size = sizeof host;
  host.wall_ns = [](const gh_host*) -> std::int64_t { return 1'700'000'000'000'000'000; };
  host.now_ns = [](const gh_host*) -> std::int64_t { return 0; };
  host.log = [](const gh_host*, int, gh_exchange*, gh_str, const gh_json*) {};
  return host;
}

/// What rendering a response needs of an exchange.
inline gh_exchange_api fuzz_exchange() {
  gh_exchange_api exchange{};
  exchange.size = sizeof exchange;
  exchange.chat = [](gh_exchange*, int) -> gh_json* { return nullptr; };
  exchange.set_header = [](gh_exchange*, gh_str, gh_str) -> gh_status { return GH_OK; };
  exchange.heartbeat = [](gh_exchange*, gh_str, std::int64_t) {};
  return exchange;
}

/// Renders the response that `respond(sink)` emits for a client of the AI SDK.
template <class Respond>
void render(Respond respond) {
  detail::json = &core::json_api();
  static const gh_host kHost = fuzz_host();
  static const gh_exchange_api kExchange = fuzz_exchange();
  detail::exchange = &kExchange;

  Exchange x(nullptr);
  UiClient client;
  plugins::chat::UiStream stream(
      Host(&kHost), x, client,
      {.send_reasoning = true, .send_sources = true, .send_model_version = true});
  ModelResponse response(stream, Host(&kHost), x, std::chrono::nanoseconds());
  const Status status = respond(response);
  require(status.failure().code() != "plugin_error" && (!status || response.end()),
          "a response keeps the grammar of events");
  if (status) {
    (void)stream.finish(response);
  } else {
    (void)stream.fail();
  }
  require(client.done(), "every stream ends");
}

/// Reads server-sent events as ModelApi does.
template <class Stream>
Status read_events(std::string_view bytes, Stream& stream) {
  core::SseReader reader;
  reader.feed(bytes);
  while (const auto e = reader.next()) {
    gh_sse_event event{};
    event.size = sizeof event;
    event.event = raw(e->type);
    event.data = raw(e->data);
    if (Status status = stream.read(event); !status) return status;
    if (stream.is_complete()) break;
  }
  return Status();
}

template <class Stream>
Status read_stream(std::string_view bytes, Stream& stream) {
  if (Status status = read_events(bytes, stream); !status) return status;
  return stream.finish();
}

}  // namespace gatehouse
