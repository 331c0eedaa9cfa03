#include "extension_auth.h"

#include <strings.h>

#include <algorithm>

#include "schema.h"

namespace gatehouse::plugins::extension_auth {
namespace {

constexpr View kExtensionScheme = "chrome-extension://";
constexpr View kTokenInvalid = "token_invalid";

bool is_extension_id(View text) {
  return text.size() == 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// What of a client's version may stand in a log: at most 64 visible ASCII characters.
View version_of(View header) {
  header = header.substr(0, 64);
  const auto end =
      std::find_if(header.begin(), header.end(), [](char c) { return c <= ' ' || c > '~'; });
  return end == header.begin() ? View("unknown")
                               : header.substr(0, static_cast<std::size_t>(end - header.begin()));
}

/// What follows `Bearer ` (RFC 6750 2.1; the word in any case, RFC 9110 11.1).
View token_in(View authorization) {
  constexpr View kScheme = "Bearer ";
  const bool is_bearer = authorization.size() > kScheme.size() &&
                         ::strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) == 0;
  return is_bearer ? authorization.substr(kScheme.size()) : View();
}

/// Lets nothing pass.
class Barrier final : public Sink {
 public:
  Status emit(Event) override {
    was_reached_ = true;
    return Status(GH_STOP);
  }
  bool was_reached() const { return was_reached_; }

 private:
  bool was_reached_ = false;
};

}  // namespace

ExtensionAuth::ExtensionAuth(Host host, Json config)
    : crypto_(host), signatures_(host, config["hmac"]) {
  for (const Json id : config["ids"]) ids_.emplace_back(id.str());
  std::sort(ids_.begin(), ids_.end());
  for (const Json t : config["tokens"])
    tokens_.push_back({std::string(t["name"].str()), std::string(t["sha256"].str())});
  if (ids_.empty()) host.warn("any extension may ask: list yours in ids");
  const bool takes_proof = !tokens_.empty() || !signatures_.empty();
  if (!takes_proof && !config["anyone"].boolean(!host.is_exposed())) {
    host.problem("",
                 "anybody can send any extension id, so it proves nothing: give tokens (`gatehouse "
                 "token new NAME` "
                 "makes one), or write anyone: true");
  }
  if (takes_proof && config["anyone"].boolean()) {
    host.problem("/anyone", "each request needs a token or a signature: remove this, or those");
  }
}

Status ExtensionAuth::handle(Exchange& x, Sink& out, Next& next) {
  Status known = identify(x);
  if (known) return next(x, out);
  if (x.route() == -1) {  // 404 or 405, with or without an id; but whoever answers nevertheless,
                          // does not answer a stranger
    Barrier barrier;
    if (Status status = next(x, barrier); !barrier.was_reached()) return status;
  }
  if (known.failure().code() == kTokenInvalid)
    x.set_header("WWW-Authenticate", "Bearer");  // RFC 9110 11.6.1
  return known;
}

Status ExtensionAuth::identify(Exchange& x) const {
  // Both messages are known to clients. Two different ids arrive joined by a comma and have no
  // valid form.
  const View id = x.header("X-Extension-ID");
  if (id.empty()) return Fail{401, "extension_id_required", "Extension ID is required", {}};
  if (!is_extension_id(id))
    return Fail{401, "extension_id_invalid", "Invalid extension ID format", {}};
  if (!ids_.empty() && !std::binary_search(ids_.begin(), ids_.end(), id)) {
    return Fail{
        403, "extension_not_allowed",
        "This extension may not use the gateway; its operator can add it to extension-auth.ids.",
        std::string(id)};
  }
  // A browser sets Origin, and no page or extension can change it. Other schemes are for cors to
  // judge.
  const View origin = x.header("Origin");
  if (origin.substr(0, kExtensionScheme.size()) == kExtensionScheme &&
      origin.substr(kExtensionScheme.size()) != id) {
    return Fail{403, "origin_mismatch",
                "X-Extension-ID is not the id of the extension that sent this request.",
                std::string(origin.substr(0, 64))};
  }
  x.notes().edit("extension_version").set(version_of(x.header("X-Extension-Version")));

  auto install = install_of(x);
  if (!install) return install.error();
  x.set_caller({id, *install, *install});
  return Status();
}

Result<View> ExtensionAuth::install_of(Exchange& x) const {
  const bool is_signed =
      !signatures_.empty() && (tokens_.empty() || x.header("X-Gatehouse-Signature").data());
  if (is_signed) return signatures_.signer_of(x);
  if (!tokens_.empty()) return bearer_of(x);
  return View();
}

Result<View> ExtensionAuth::bearer_of(Exchange& x) const {
  const std::string hash = hex(crypto_.sha256({token_in(x.header("Authorization"))}));
  const Token* found = nullptr;
  for (const Token& t : tokens_) {  // all of them, so that time does not tell which one comes near
    if (equal_in_constant_time(t.sha256, hash)) found = &t;
  }
  if (found) return View(found->name);
  return Fail{401, std::string(kTokenInvalid), "Install token is required or not valid", {}};
}

}  // namespace gatehouse::plugins::extension_auth

GATEHOUSE_PLUGIN(gatehouse::plugins::extension_auth::ExtensionAuth, "extension-auth", "1.0.0",
                 "Who may ask: the id of a Chrome extension", GATEHOUSE_SCHEMA, GH_PLUGIN_GUARD)
