#include "core/server/admin.h"

#include <csignal>
#include <unistd.h>

#include "gatehouse/plugin.hpp"

namespace gatehouse::core {
namespace {

gh_status reply(Exchange& x, const gh_sink& out, int status, std::string_view json) {
  x.status = status;
  x.set_header("Content-Type", "application/json");
  x.set_header("Cache-Control", "no-store");
  const gh_event body = event::bytes(json, true);
  return out.emit(out.self, &body);
}

}  // namespace

gh_status run_admin(const std::string& token, const Pipeline& pipeline, Exchange& x, const gh_sink& out) {
  // Browsers name the page that asks in Origin, and none has business here. The server has checked Host.
  if (x.header("Origin").data()) return x.fail({403, "origin_refused", "The admin address is not for web pages.", {}});
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view shown = x.header("Authorization");
  if (shown.substr(0, kScheme.size()) != kScheme || !equal_in_constant_time(shown.substr(kScheme.size()), token)) {
    x.set_header("WWW-Authenticate", "Bearer");
    return x.fail({401, "admin_token_required", "The admin token is required: Authorization: Bearer TOKEN.", {}});
  }

  const RequestHead& head = x.head();
  if (head.path == "/status" && head.method == "GET") return reply(x, out, 200, pipeline.report());
  if (head.path == "/reload" && head.method == "POST") {
    ::kill(::getpid(), SIGHUP);
    return reply(x, out, 202, R"({"message":"The configuration is being reloaded: GET /status tells how it went."})");
  }
  return pipeline.run_admin(x, out);
}

}  // namespace gatehouse::core
