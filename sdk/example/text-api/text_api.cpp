#include <string>
#include <utility>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/ingress.hpp"
#include "schema.h"  // made from schema.json: GATEHOUSE_SCHEMA

namespace text_api {

using namespace gatehouse;

/// Writes the text of a model's response as the body of the HTTP response.
class TextBody final : public Sink {
 public:
  TextBody(Exchange& x, Sink& out) : x_(x), out_(out) {}

  Status emit(Event e) override {
    return e.kind() == GH_EV_TEXT ? write(e.text(), false) : Status();
  }
  Status finish() { return write({}, true); }

 private:
  Status write(View text, bool is_last) {
    if (!x_.committed()) x_.set_header("Content-Type", "text/plain; charset=utf-8");
    return out_.emit(event::bytes(text, is_last));
  }

  Exchange& x_;
  Sink& out_;
};

/// POST /text-api: the request is the user's text, the response that of the model.
class TextApi final : public Plugin {
 public:
  TextApi(Host host, Json config)
      : host_(host), route_(host.route("POST", "/text-api")), model_(config["model"].str()) {}

  Status handle(Exchange& x, Sink& out, Next& next) override {
    if (x.route() != route_) return next(x, out);
    const auto began = host_.now();
    if (Status s = read(x); !s) return s;

    TextBody body(x, out);
    ModelResponse response(body, host_, x, began);  // checks the order of the events
    Status status = next(x, response);
    response.note();
    if (status) status = response.end();
    return status ? body.finish() : std::move(status);
  }

 private:
  /// Makes the chat document, which all plugins below work on.
  Status read(Exchange& x) const {
    auto text = x.body();
    if (!text) return text.error();
    if (text->empty()) return Fail{400, "text_missing", "Send a text as the body.", {}};
    MutableJson chat = x.make_chat();
    chat.edit("model").set(View(model_));
    MutableJson message = chat.edit("messages").push();
    message.edit("role").set("user");
    MutableJson part = message.edit("content").push();
    part.edit("type").set("text");
    part.edit("text").set(*text);
    return {};
  }

  const Host host_;
  const int route_;
  const std::string model_;
};

}  // namespace text_api

GATEHOUSE_PLUGIN(text_api::TextApi, "text-api", "0.1.0", "Chats as plain text", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_INGRESS)
