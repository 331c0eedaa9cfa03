#include "core/pipeline/admin.h"

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "admin_pages.h"
#include "gatehouse/text.hpp"

// The mechanism: run() first rejects what a page of another origin sends. What is left needs the
// token, as `Authorization: Bearer` of a program or as the session of a browser, for which the form
// at POST /session exchanges it. The server has checked Host before (DNS rebinding), so an Origin
// that names the same host is a page of this address. Who may is decided here; what the gateway's
// own routes do is below.

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

// For a reload: plugins read files, and may call other machines.
constexpr auto kPatience = std::chrono::seconds(30);

constexpr std::string_view kSessionPath = "/session";
constexpr std::string_view kAsClient = "/client/";
constexpr std::string_view kJson = "application/json";
constexpr const char* kOtherOrigin =
    "The admin address serves only web pages of its own: the Origin of the request must be its "
    "Host.";
constexpr const char* kNoToken = "The admin token is required: Authorization: Bearer TOKEN.";
constexpr const char* kLocked = "Too many wrong tokens from this address: try again in a minute.";
constexpr const char* kLevels =
    R"(The body must be {"level": "debug"}, or "info", "warn" or "error".)";
constexpr const char* kStillReloading =
    R"({"message":"The reload is still running: GET /status will report its result."})";

gh_status reply(Exchange& x, const gh_sink& out, int status, std::string_view type,
                std::string_view text) {
  x.status = status;
  x.set_header("Content-Type", type);
  x.set_header("Cache-Control", "no-store");
  gh_event body{};
  body.kind = GH_EV_BYTES;
  body.flags = GH_LAST;
  body.text = raw(text);
  return out.emit(out.self, &body);
}

gh_status redirect(Exchange& x, const gh_sink& out, std::string_view to) {
  x.set_header("Location", to);
  return reply(x, out, 303, "text/plain", {});
}

/// The page with the form; `problem` is text of ours.
gh_status login_page(Exchange& x, const gh_sink& out, int status, std::string_view problem) {
  constexpr std::string_view kPlace = "<!-- problem -->";
  std::string page(kLoginPage);
  page.replace(page.find(kPlace), kPlace.size(), problem);
  x.set_header("Content-Security-Policy",
               "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
               "base-uri 'none'; frame-ancestors 'none'");
  x.set_header("X-Content-Type-Options", "nosniff");
  x.set_header("Referrer-Policy", "same-origin");
  return reply(x, out, status, "text/html; charset=utf-8", page);
}

AdminSession::Time seconds_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

/// An Origin header names this address: "https://ai.example" for the Host "ai.example". Its scheme
/// is not compared, as a proxy may add TLS.
bool is_own_origin(std::string_view origin, std::string_view host) {
  constexpr std::string_view kAfterScheme = "://";
  const auto scheme = origin.find(kAfterScheme);
  return scheme != origin.npos && !host.empty() &&
         equals_ignoring_case(origin.substr(scheme + kAfterScheme.size()), host);
}

/// Where a browser goes after its login: back to the page that had the form.
std::string_view page_of_form(Exchange& x) {
  const std::string_view origin = x.header("Origin"), from = x.header("Referer");
  const bool is_own = !origin.empty() && from.starts_with(origin) && from.size() > origin.size() &&
                      from[origin.size()] == '/';
  return is_own && from.substr(origin.size()) != kSessionPath ? from : "/";
}

std::string text_of(const Reloads::Outcome& outcome) {
  Json all = {{"ok", outcome.ok()}, {"pipeline", outcome.pipeline}};
  all.update(outcome.problems);
  return to_text(all);
}

/// Passes on the response to a client's request as that to the request of the admin address.
struct Relay {
  const Exchange& from;
  Exchange& to;
  const gh_sink& out;
  bool has_begun = false;

  static gh_status emit(void* self, const gh_event* e) {
    auto& relay = *static_cast<Relay*>(self);
    if (!std::exchange(relay.has_begun, true)) relay.copy_head();
    return relay.out.emit(relay.out.self, e);
  }
  void copy_head() const {
    to.status = from.status;
    for (const auto& [name, value] : from.answer_headers()) to.set_header(name, value);
  }
};

}  // namespace

struct Admin::Route {
  std::string_view method, path;
  gh_status (Admin::*handle)(Exchange& x, const gh_sink& out) const;
};
const Admin::Route Admin::kOpenRoutes[] = {
    {"POST", kSessionPath, &Admin::log_in},
    {"GET", "/session.css", &Admin::show_style},
};
const Admin::Route Admin::kRoutes[] = {
    {"GET", "/", &Admin::lead_to_page},      {"DELETE", kSessionPath, &Admin::log_out},
    {"GET", "/status", &Admin::show_status}, {"GET", "/log", &Admin::show_log},
    {"POST", "/reload", &Admin::reload},     {"PUT", "/log-level", &Admin::set_log_level},
    {"POST", "/drain", &Admin::drain},
};

template <std::size_t N>
const Admin::Route* Admin::route_of(const Route (&routes)[N], const RequestHead& head) {
  const auto* const found = std::find_if(routes, routes + N, [&](const Route& r) {
    return r.method == head.method && r.path == head.path;
  });
  return found == routes + N ? nullptr : found;
}

gh_status Admin::run(Exchange& x, const gh_sink& out) const {
  const RequestHead& head = x.head();
  const std::string_view origin = x.header("Origin");
  if (origin.data() && !is_own_origin(origin, head.host))
    return x.fail({403, "origin_refused", kOtherOrigin, {}});
  if (const Route* const route = route_of(kOpenRoutes, head)) return (this->*route->handle)(x, out);
  if (const auto refused = refuse(x, out)) return *refused;
  if (const Route* const route = route_of(kRoutes, head)) return (this->*route->handle)(x, out);
  if (head.path.starts_with(kAsClient)) return run_as_client(x, out);
  return pipeline_->run_admin(x, out);
}

std::optional<gh_status> Admin::refuse(Exchange& x, const gh_sink& out) const {
  // A browser sends the cookie whatever page begins the request. It names that page in Origin, at
  // the latest when the request changes something.
  if (session_.is_in(x.header("Cookie"), seconds_now())) {
    if (x.head().method == "GET" || x.header("Origin").data()) return std::nullopt;
    return x.fail({403, "origin_required", kOtherOrigin, {}});
  }
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view shown = x.header("Authorization");
  const bool is_bearer = shown.substr(0, kScheme.size()) == kScheme;
  const Token token = check(is_bearer ? shown.substr(kScheme.size()) : "", x);
  if (token == Token::right) return std::nullopt;
  return ask_for_token(x, out, token);
}

Admin::Token Admin::check(std::string_view shown, const Exchange& x) const {
  const std::string_view address = x.client_address();
  if (shown.empty()) return Token::wrong;
  if (wrong_tokens_.wait_of(address, Clock::now()) > Clock::duration::zero()) return Token::locked;
  if (!token_.empty() && equal_in_constant_time(shown, token_)) return Token::right;
  wrong_tokens_.add(address, Clock::now());
  gateway_.log.write(Level::kWarn, {}, x.request_id(), "wrong admin token",
                     Log::text_of({{"client", address}}));
  return Token::wrong;
}

gh_status Admin::ask_for_token(Exchange& x, const gh_sink& out, Token shown) const {
  const bool is_browser = x.header("Accept").find("text/html") != std::string_view::npos;
  if (x.head().method == "GET" && is_browser && shown == Token::wrong)
    return login_page(x, out, 401, {});
  if (shown == Token::locked) {
    const auto wait = wrong_tokens_.wait_of(x.client_address(), Clock::now());
    return x.fail({429, "too_many_wrong_tokens", kLocked, {}, wait});
  }
  x.set_header("WWW-Authenticate", "Bearer");
  return x.fail({401, "admin_token_required", kNoToken, {}});
}

/// The body of the form is text/plain, `token=` and the token as it was typed (HTML 4.10.21.7).
gh_status Admin::log_in(Exchange& x, const gh_sink& out) const {
  constexpr std::string_view kField = "token=";
  std::string_view body;
  if (const gh_status read = x.body(body); read != GH_OK) return read;
  const bool is_form = body.starts_with(kField);
  switch (check(is_form ? trim(body.substr(kField.size())) : "", x)) {
    case Token::locked: return login_page(x, out, 429, kLocked);
    case Token::wrong: return login_page(x, out, 401, "This is not the admin token.");
    default: break;
  }
  const bool is_secure = x.header("Origin").starts_with("https://");
  x.set_header("Set-Cookie", session_.begin(seconds_now(), is_secure));
  return redirect(x, out, page_of_form(x));
}

gh_status Admin::log_out(Exchange& x, const gh_sink& out) const {
  x.set_header("Set-Cookie", AdminSession::end());
  return reply(x, out, 204, "text/plain", {});
}

gh_status Admin::show_style(Exchange& x, const gh_sink& out) const {
  return reply(x, out, 200, "text/css", kLoginStyle);
}

gh_status Admin::lead_to_page(Exchange& x, const gh_sink& out) const {
  const auto& routes = pipeline_->admin_routes();
  const auto page = std::find_if(routes.begin(), routes.end(), [](const core::Route& r) {
    return r.method == "GET" && r.path.ends_with('/');
  });
  if (page == routes.end()) return pipeline_->run_admin(x, out);
  return redirect(x, out, page->path);
}

gh_status Admin::show_status(Exchange& x, const gh_sink& out) const {
  return reply(x, out, 200, kJson, pipeline_->report_to_operator());
}

gh_status Admin::show_log(Exchange& x, const gh_sink& out) const {
  constexpr std::string_view kRequest = "request=";
  const std::string_view query = x.head().query;
  const bool is_one = query.starts_with(kRequest);
  return reply(x, out, 200, "application/x-ndjson",
               gateway_.log.recent(is_one ? query.substr(kRequest.size()) : ""));
}

gh_status Admin::reload(Exchange& x, const gh_sink& out) const {
  std::shared_ptr<const EventFd> done;
  try {
    done = gateway_.reloads.wish();
  } catch (const std::system_error& e) {
    const std::string why = e.code().message();
    return x.fail(
        {503, "reload_not_possible", "The configuration cannot be reloaded now: " + why + ".", {}});
  }
  ::kill(::getpid(), SIGHUP);
  const Wake wake = x.waiter().wait(done->fd(), POLLIN, Clock::now() + kPatience);
  if (wake == Wake::timeout) return reply(x, out, 202, kJson, kStillReloading);
  if (wake != Wake::ready) return Exchange::as_status(wake);
  const Reloads::Outcome outcome = gateway_.reloads.last().value();
  return reply(x, out, outcome.ok() ? 200 : 422, kJson, text_of(outcome));
}

gh_status Admin::set_log_level(Exchange& x, const gh_sink& out) const {
  std::string_view body;
  if (const gh_status read = x.body(body); read != GH_OK) return read;
  const Json wanted = Json::parse(body, nullptr, false);
  const Json level = wanted.is_object() ? wanted.value("level", Json()) : Json();
  const std::string name = level.is_string() ? level.get<std::string>() : "";
  const auto known = {"debug", "info", "warn", "error"};
  if (std::find(known.begin(), known.end(), name) == known.end())
    return x.fail({400, "level_invalid", kLevels, {}});
  gateway_.log.set_level(name);
  gateway_.log.warn("the log level was changed, until the next reload", {{"level", name}});
  return reply(x, out, 204, kJson, {});
}

gh_status Admin::drain(Exchange& x, const gh_sink& out) const {
  ::kill(::getpid(), SIGTERM);
  return reply(x, out, 202, kJson, R"({"message":"The gateway shuts down."})");
}

/// Without what makes it a request of the operator's browser.
gh_status Admin::run_as_client(Exchange& x, const gh_sink& out) const {
  RequestHead head = x.head();
  head.path.remove_prefix(kAsClient.size() - 1);
  std::erase_if(head.fields, [this](const Field& field) {
    const auto is = [&](std::string_view name) { return equals_ignoring_case(field.name, name); };
    return is("Cookie") || is("Origin") || is("Referer") ||
           (is("Authorization") && field.value.ends_with(token_));
  });
  Exchange inner(head, x.peer(), x.client(), x.waiter());
  inner.set_client_address(std::string(x.client_address()));
  Relay relay{inner, x, out};
  const gh_sink sink{sizeof(gh_sink), 0, &relay, Relay::emit};
  const gh_status status = pipeline_->run(inner, sink);
  if (!relay.has_begun) relay.copy_head();
  return status != GH_OK && inner.failure() ? x.fail(*inner.failure()) : status;
}

}  // namespace gatehouse::core
