#include "extension_auth.h"

#include <algorithm>

#include "schema.h"

// Who sends a request is established in two steps. X-Extension-ID is a claim that any program can
// make: it is compared with the configured ids, and with Origin where a browser sets it. A token or
// a signature is proof, of which installation of the extension it is. The caller that plugins below
// see has the id as its tenant in any case, user and key only by proof.

namespace gatehouse::plugins::extension_auth {
namespace {

constexpr View kExtensionScheme = "chrome-extension://";
constexpr View kTokenInvalid = "token_invalid";

std::string description(Json paths, bool has_tokens, bool has_signatures);
bool is_extension_id(View text);
View version_of(View header);

}  // namespace

ExtensionAuth::ExtensionAuth(Host host, Json config)
    : paths_(config["paths"]), crypto_(host), signatures_(host, config["hmac"]) {
  for (const Json id : config["ids"]) ids_.emplace_back(id.str());
  std::sort(ids_.begin(), ids_.end());
  for (const Json t : config["tokens"])
    tokens_.push_back({std::string(t["name"].str()), std::string(t["sha256"].str())});
  if (ids_.empty()) host.warn("requests from any extension are accepted: `ids` is not set");
  OpenApi(host).describe(description(config["paths"], !tokens_.empty(), !signatures_.empty()));
  const bool needs_proof = !tokens_.empty() || !signatures_.empty();
  if (!needs_proof && !config["anyone"].boolean(!host.is_exposed())) {
    host.problem("",
                 "extension ids prove nothing, as any program can send one: add `tokens` "
                 "(`gatehouse token new NAME` creates one) or `hmac`, or set `anyone: true`");
  }
  if (needs_proof && config["anyone"].boolean()) {
    host.problem("/anyone",
                 "contradicts `tokens` and `hmac`, which require a token or a signature: remove "
                 "either");
  }
}

Status ExtensionAuth::handle(Exchange& x, Sink& out, Next& next) {
  if (!paths_.have(x.path())) return next(x, out);
  Status identified = identify(x);
  if (identified) return next(x, out);
  Status rejected = reject_caller(x, next, std::move(identified));
  if (rejected.failure().code() == kTokenInvalid)
    x.set_header("WWW-Authenticate", "Bearer");  // RFC 9110 11.6.1
  return rejected;
}

/// Sets the caller, or fails.
Status ExtensionAuth::identify(Exchange& x) const {
  const View id = x.header("X-Extension-ID");
  if (Status checked = check_id(id, x.header("Origin")); !checked) return checked;
  x.notes().edit("extension_version").set(version_of(x.header("X-Extension-Version")));
  auto install = install_of(x);
  if (!install) return install.error();
  x.set_caller({id, *install, *install});
  return Status();
}

/// The first two messages are part of the clients' protocol. Two different ids arrive joined by a
/// comma and are malformed.
Status ExtensionAuth::check_id(View id, View origin) const {
  if (id.empty()) return Fail{401, "extension_id_required", "Extension ID is required", {}};
  if (!is_extension_id(id))
    return Fail{401, "extension_id_invalid", "Invalid extension ID format", {}};
  if (!ids_.empty() && !std::binary_search(ids_.begin(), ids_.end(), id)) {
    return Fail{
        403, "extension_not_allowed",
        "This extension may not use the gateway; its operator can add it to extension-auth.ids.",
        std::string(id)};
  }
  // A browser sets Origin, and no page or extension can change it. Other schemes are the business
  // of plugins that restrict origins.
  if (origin.substr(0, kExtensionScheme.size()) == kExtensionScheme &&
      origin.substr(kExtensionScheme.size()) != id) {
    return Fail{403, "origin_mismatch",
                "X-Extension-ID is not the id of the extension that sent this request.",
                std::string(origin.substr(0, 64))};
  }
  return Status();
}

/// The name of the token or secret; empty if the configuration has neither.
Result<View> ExtensionAuth::install_of(Exchange& x) const {
  const bool is_signed =
      !signatures_.empty() && (tokens_.empty() || x.header("X-Gatehouse-Signature").data());
  if (is_signed) return signatures_.signer_of(x);
  if (!tokens_.empty()) return install_of_token(x);
  return View();
}

Result<View> ExtensionAuth::install_of_token(Exchange& x) const {
  const std::string hash = hex(crypto_.sha256({bearer_token(x)}));
  const Token* found = nullptr;
  for (const Token& t : tokens_) {  // all of them: the time must not depend on which one matches
    if (equal_in_constant_time(t.sha256, hash)) found = &t;
  }
  if (found) return View(found->name);
  return Fail{401, std::string(kTokenInvalid), "Install token is required or not valid", {}};
}

namespace {

/// Either proof will do where both are configured.
std::string description(Json paths, bool has_tokens, bool has_signatures) {
  auto document = Document::parse(GATEHOUSE_OPENAPI);
  if (!document) return {};
  document->root().edit("x-guarded-paths").set(paths);
  MutableJson ways = document->root().edit("security");
  const auto add = [&ways](View proof) {
    MutableJson way = ways.push();
    way.edit("extensionId").set_array();
    if (!proof.empty()) way.edit(proof).set_array();
  };
  if (has_tokens) add("installToken");
  if (has_signatures) add("signature");
  if (!has_tokens && !has_signatures) add({});
  return document->root().dump();
}

bool is_extension_id(View text) {
  return text.size() == 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// What of a client's version may be logged: at most 64 visible ASCII characters.
View version_of(View header) {
  header = header.substr(0, 64);
  const auto end =
      std::find_if(header.begin(), header.end(), [](char c) { return c <= ' ' || c > '~'; });
  if (end == header.begin()) return "unknown";
  return header.substr(0, static_cast<std::size_t>(end - header.begin()));
}

}  // namespace
}  // namespace gatehouse::plugins::extension_auth

GATEHOUSE_PLUGIN(gatehouse::plugins::extension_auth::ExtensionAuth, "extension-auth", "1.0.0",
                 "Authenticates Chrome extensions by id, install token or signature",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_GUARD | GH_PLUGIN_UNLOADS)
