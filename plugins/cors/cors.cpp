#include "cors.h"

#include <algorithm>

#include "schema.h"

namespace gatehouse::plugins::cors {
namespace {

constexpr View kExtensionScheme = "chrome-extension://";
constexpr View kEveryExtension = "chrome-extension://*";

// For who asks without naming any.
constexpr View kHeaders =
    "Content-Type, Authorization, X-Extension-ID, X-Extension-Version, Cache-Control, "
    "X-Server-Timing, X-Gatehouse-Timestamp, "
    "X-Gatehouse-Nonce, X-Gatehouse-Signature";

// Besides those that a page may read anyway (Fetch standard, CORS-safelisted response-header name).
constexpr View kExposed =
    "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, X-Cache, Age, Server-Timing";

/// Whether a browser could send it: scheme://host[:port] in lower case (RFC 6454 6.2).
bool is_origin(View text) {
  const auto colon = text.find("://");
  if (colon == View::npos) return false;
  const View scheme = text.substr(0, colon), host = text.substr(colon + 3);
  return !scheme.empty() &&
         scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == View::npos &&
         !host.empty() &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._:[]") == View::npos;
}

/// A list of header names, as a browser sends it. Longer ones than any page's are no honest
/// question.
bool is_header_list(View text) {
  return !text.empty() && text.size() <= 1024 &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~, ") ==
             View::npos;
}

/// The answer to a browser's question whether it may send a request (Fetch standard, CORS
/// protocol). An allowed origin may send any header: pages add those of their libraries, such as
/// User-Agent (AI SDK before 5.0.153) and traceparent.
Status grant(Exchange& x, Sink& out) {
  x.set_header("Access-Control-Allow-Methods", "GET, POST");
  const View asked = x.header("Access-Control-Request-Headers");
  x.set_header("Access-Control-Allow-Headers", is_header_list(asked) ? asked : kHeaders);
  x.set_header("Access-Control-Max-Age",
               "600");  // seconds; Chromium remembers a grant for 5 s unless told
  // Private Network Access: a public page or extension asks for an address of the local network.
  if (x.header("Access-Control-Request-Private-Network") == "true")
    x.set_header("Access-Control-Allow-Private-Network", "true");
  x.set_status(204);
  return out.emit(event::bytes({}, true));
}

}  // namespace

Cors::Cors(Host host, Json config) {
  const Json origins = config["origins"];
  every_extension_ = !origins;
  std::size_t index = 0;
  for (const Json origin : origins) {
    if (origin.str() == kEveryExtension) {
      every_extension_ = true;
    } else if (is_origin(origin.str())) {
      origins_.emplace_back(origin.str());
    } else {
      host.problem(
          "/origins/" + std::to_string(index),
          "this is no origin: write scheme://host[:port] in lower case, or chrome-extension://*");
    }
    ++index;
  }
}

bool Cors::allows(View origin) const {
  if (every_extension_ && origin.substr(0, kExtensionScheme.size()) == kExtensionScheme)
    return true;
  return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

/// Grants the answer to a page that may have it.
bool Cors::let_read(Exchange& x) const {
  x.set_header("Vary", "Origin");
  const View origin = x.header("Origin");
  if (!allows(origin)) return false;
  x.set_header("Access-Control-Allow-Origin", origin);
  x.set_header("Access-Control-Expose-Headers", kExposed);
  return true;
}

Status Cors::handle(Exchange& x, Sink& out, Next& next) {
  const bool may_read = let_read(x);
  const View origin = x.header("Origin");
  if (!origin.data()) return next(x, out);
  // Without this a page whose host name is made to point at the gateway's address could use it (DNS
  // rebinding).
  if (!may_read) {
    return Fail{403, "origin_not_allowed",
                "This origin may not use the gateway; its operator can add it to cors.origins.",
                std::string(origin)};
  }
  if (x.method() == "OPTIONS" && x.header("Access-Control-Request-Method").data())
    return grant(x, out);
  return next(x, out);
}

}  // namespace gatehouse::plugins::cors

GATEHOUSE_PLUGIN(gatehouse::plugins::cors::Cors, "cors", "1.0.0",
                 "Which origins may use the gateway from a browser", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_HEAD)
