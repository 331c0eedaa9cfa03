#include "core/pipeline/admin.h"

#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

// For a reload: plugins read files, and may call other machines.
constexpr auto kPatience = std::chrono::seconds(30);

constexpr const char* kWebPage = "The admin address does not serve web pages.";
constexpr const char* kNoToken = "The admin token is required: Authorization: Bearer TOKEN.";
constexpr const char* kStillReloading =
    R"({"message":"The reload is still running: GET /status will report its result."})";

gh_status reply(Exchange& x, const gh_sink& out, int status, std::string_view json) {
  x.status = status;
  x.set_header("Content-Type", "application/json");
  x.set_header("Cache-Control", "no-store");
  gh_event body{};
  body.kind = GH_EV_BYTES;
  body.flags = GH_LAST;
  body.text = raw(json);
  return out.emit(out.self, &body);
}

std::string text_of(const Reloads::Outcome& outcome) {
  Json all = {{"ok", outcome.ok()}, {"pipeline", outcome.pipeline}};
  all.update(outcome.problems);
  return to_text(all);
}

}  // namespace

gh_status Admin::run(Exchange& x, const gh_sink& out) const {
  // A browser names the page that sends a request in Origin. The server has checked Host.
  if (x.header("Origin").data()) return x.fail({403, "origin_refused", kWebPage, {}});
  if (!is_authorized(x)) {
    x.set_header("WWW-Authenticate", "Bearer");
    return x.fail({401, "admin_token_required", kNoToken, {}});
  }
  const RequestHead& head = x.head();
  if (head.path == "/status" && head.method == "GET")
    return reply(x, out, 200, pipeline_->report());
  if (head.path == "/reload" && head.method == "POST") return reload(x, out);
  return pipeline_->run_admin(x, out);
}

bool Admin::is_authorized(Exchange& x) const {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view shown = x.header("Authorization");
  const bool is_bearer = shown.substr(0, kScheme.size()) == kScheme;
  return is_bearer && !token_.empty() &&
         equal_in_constant_time(shown.substr(kScheme.size()), token_);
}

gh_status Admin::reload(Exchange& x, const gh_sink& out) const {
  std::shared_ptr<const EventFd> done;
  try {
    done = reloads_.wish();
  } catch (const std::system_error& e) {
    const std::string why = e.code().message();
    return x.fail(
        {503, "reload_not_possible", "The configuration cannot be reloaded now: " + why + ".", {}});
  }
  ::kill(::getpid(), SIGHUP);
  const Wake wake = x.waiter().wait(done->fd(), POLLIN, Clock::now() + kPatience);
  if (wake == Wake::timeout) return reply(x, out, 202, kStillReloading);
  if (wake != Wake::ready) return Exchange::as_status(wake);
  const Reloads::Outcome outcome = reloads_.last().value();
  return reply(x, out, outcome.ok() ? 200 : 422, text_of(outcome));
}

}  // namespace gatehouse::core
