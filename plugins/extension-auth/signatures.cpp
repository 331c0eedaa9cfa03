#include "signatures.h"

#include <charconv>

namespace gatehouse::plugins::extension_auth {
namespace {

using std::chrono::seconds;

constexpr View kTimestamp = "X-Gatehouse-Timestamp";
constexpr View kNonce = "X-Gatehouse-Nonce";
constexpr View kSignature = "X-Gatehouse-Signature";

/// One message for every reason, so that an attacker learns nothing. `why` is for the log.
Fail invalid(const char* why) {
  return {401, "signature_invalid", "Request signature is required or not valid", why};
}

bool is_nonce(View text) {
  return text.size() >= 16 && text.size() <= 64 &&
         text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == View::npos;
}

}  // namespace

Signatures::Signatures(Host host, Json config)
    : host_(host),
      crypto_(host),
      store_(host),
      max_skew_(config["max_skew"].duration()),
      open_on_store_failure_(config["on_store_failure"].str() == "open") {
  for (const Json s : config["secrets"])
    secrets_.push_back({std::string(s["name"].str()), std::string(s["secret"].str())});
}

Result<View> Signatures::signer_of(Exchange& x) const {
  if (x.header(kSignature).size() != 2 * sizeof(Digest))
    return invalid("the signature is not 64 hexadecimal digits");
  if (!is_current(x.header(kTimestamp)))
    return invalid("the timestamp is not within max_skew of the current time");
  if (!is_nonce(x.header(kNonce)))
    return invalid("the nonce is not 16 to 64 letters, digits, _ or -");

  auto signer = name_of_secret(x);
  if (!signer) return signer.error();
  if (Status fresh = use(x, *signer); !fresh) return fresh;
  return *signer;
}

bool Signatures::is_current(View timestamp) const {
  std::int64_t value = 0;
  const char* const end = timestamp.data() + timestamp.size();
  if (timestamp.size() > 12) return false;  // also keeps the subtraction below within its type
  const auto parsed = std::from_chars(timestamp.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return false;
  const seconds difference = std::chrono::duration_cast<seconds>(host_.wall()) - seconds(value);
  return difference <= max_skew_ && -difference <= max_skew_;
}

/// Of the secret that gives the signature of the request.
Result<View> Signatures::name_of_secret(Exchange& x) const {
  auto body = x.body();
  if (!body) return body.error();
  const std::string hash = hex(crypto_.sha256({*body}));
  std::string text;
  for (const View part : {x.method(), x.path(), x.query(), View(hash), x.header(kTimestamp)})
    text.append(part).append("\n");
  text.append(x.header(kNonce));

  const Secret* found = nullptr;
  for (const Secret& s : secrets_) {  // all of them: the time must not depend on which one matches
    const std::string signature = hex(crypto_.hmac_sha256(s.secret, text));
    if (equal_in_constant_time(signature, x.header(kSignature))) found = &s;
  }
  if (!found) return invalid("no secret gives this signature");
  return View(found->name);
}

/// Uses up the nonce: fails for one that was used before.
Status Signatures::use(Exchange& x, View signer) const {
  // A timestamp may be max_skew ahead, is valid until max_skew behind, and has whole seconds: the
  // nonce is kept until after that.
  const auto ttl = 2 * max_skew_ + seconds(1);
  const std::string key = "nonce:" + std::string(signer) + ":" + std::string(x.header(kNonce));
  auto uses = store_.add(x, key, 1, ttl);
  if (uses) return *uses == 1 ? Status() : invalid("the nonce has been used before");
  Status error = uses.error();
  if (error.code() != GH_UNAVAILABLE) return error;
  if (!open_on_store_failure_) {
    return Fail{503, "store_unavailable",
                "Signed requests cannot be checked at present; try again in a moment.",
                "the store is down", seconds(1)};
  }
  host_.log(GH_WARN, &x, "the store is down: cannot check whether this signed request is a replay");
  return Status();
}

}  // namespace gatehouse::plugins::extension_auth
