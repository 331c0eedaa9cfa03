#include "cors.h"

#include <algorithm>

#include "schema.h"

namespace gatehouse::plugins::cors {
namespace {

constexpr View kExtensionScheme = "chrome-extension://";
constexpr View kEveryExtension = "chrome-extension://*";

bool is_origin(View text);
bool is_preflight(const Exchange& x);
Status respond_to_preflight(Exchange& x, Sink& out);

}  // namespace

Cors::Cors(Host host, Json config) {
  std::size_t index = 0;
  for (const Json entry : config["origins"]) {
    const View origin = entry.str();
    if (origin == kEveryExtension)
      every_extension_ = true;
    else if (is_origin(origin))
      origins_.emplace_back(origin);
    else
      host.problem("/origins/" + std::to_string(index),
                   "not an origin: write scheme://host[:port] in lower case, or "
                   "chrome-extension://* for every Chrome extension");
    ++index;
  }
}

Status Cors::handle(Exchange& x, Sink& out, Next& next) {
  const bool is_granted = grant(x);
  const View origin = x.header("Origin");
  if (!origin.data()) return next(x, out);
  // Without a grant a page could still use the gateway by a host name that it makes resolve to the
  // gateway's address (DNS rebinding).
  if (!is_granted) {
    return Fail{403, "origin_not_allowed",
                "This origin may not use the gateway; its operator can add it to cors.origins.",
                std::string(origin)};
  }
  return is_preflight(x) ? respond_to_preflight(x, out) : next(x, out);
}

/// Lets a page of an allowed origin read the response, all of its headers included. `*` names all
/// of them in responses to requests without credentials (Fetch standard, CORS protocol); browsers
/// that do not know it get those by name that clients of OpenAI and Anthropic read. Requests have
/// no credentials, as Access-Control-Allow-Credentials is never sent: callers authenticate by
/// headers that the page itself sets, and cookies, which a browser adds to requests of any page,
/// would let one page act in the name of another's user.
bool Cors::grant(Exchange& x) const {
  x.set_header("Vary", "Origin");
  const View origin = x.header("Origin");
  if (!allows(origin)) return false;
  x.set_header("Access-Control-Allow-Origin", origin);
  x.set_header("Access-Control-Expose-Headers",
               "*, x-request-id, request-id, retry-after, retry-after-ms, x-should-retry");
  return true;
}

bool Cors::allows(View origin) const {
  if (every_extension_ && origin.substr(0, kExtensionScheme.size()) == kExtensionScheme)
    return true;
  return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

namespace {

/// Whether a browser could send it: scheme://host[:port] in lower case (RFC 6454 6.2).
bool is_origin(View text) {
  const auto colon = text.find("://");
  if (colon == View::npos) return false;
  const View scheme = text.substr(0, colon), host = text.substr(colon + 3);
  return !scheme.empty() && !host.empty() &&
         scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == View::npos &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._:[]") == View::npos;
}

bool is_preflight(const Exchange& x) {
  return x.method() == "OPTIONS" && x.header("Access-Control-Request-Method").data();
}

/// Names of headers, each a token (RFC 9110 5.6.2), joined by commas as browsers send them.
bool is_header_list(View text) {
  // No page needs more: the OpenAI client, with its dozen headers of its own, has 400 bytes.
  constexpr std::size_t kMaxBytes = 1024;
  constexpr View kTokenCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
  if (text.size() > kMaxBytes) return false;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const View name = trim(text.substr(at, comma - at));
    if (name.empty() || name.find_first_not_of(kTokenCharacters) != View::npos) return false;
    at = comma + 1;
  }
  return true;
}

/// A preflight asks whether the page may send a request (Fetch standard, CORS protocol). It may
/// send any headers: a fixed list would lack those of the page's libraries, and `*` does not cover
/// Authorization.
Status respond_to_preflight(Exchange& x, Sink& out) {
  x.set_header("Access-Control-Allow-Methods", "GET, POST, DELETE");
  const View headers = x.header("Access-Control-Request-Headers");
  if (is_header_list(headers)) x.set_header("Access-Control-Allow-Headers", headers);
  x.set_header("Access-Control-Max-Age", "600");  // seconds; Chromium's default is 5
  // Private Network Access: a public page or extension requests an address of the local network.
  if (x.header("Access-Control-Request-Private-Network") == "true")
    x.set_header("Access-Control-Allow-Private-Network", "true");
  x.set_status(204);
  return out.emit(event::bytes({}, true));
}

}  // namespace
}  // namespace gatehouse::plugins::cors

GATEHOUSE_PLUGIN(gatehouse::plugins::cors::Cors, "cors", "1.0.0",
                 "Lets web pages of allowed origins use the gateway, and rejects all others",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_HEAD | GH_PLUGIN_UNLOADS)
