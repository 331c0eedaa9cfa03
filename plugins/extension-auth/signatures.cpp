#include "signatures.h"

#include <charconv>

namespace gatehouse::plugins::extension_auth {
namespace {

using std::chrono::seconds;

bool is_nonce(View text) {
  return text.size() >= 16 && text.size() <= 64 &&
         text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == View::npos;
}

/// One text for all callers: who guesses learns nothing. `why` is for the log.
Fail refused(const char* why) {
  return {401, "signature_invalid", "Request signature is required or not valid", why};
}

}  // namespace

Signatures::Signatures(Host host, Json config)
    : host_(host),
      crypto_(host),
      store_(host),
      max_skew_(config["max_skew"].duration(seconds(300))),
      open_on_store_failure_(config["on_store_failure"].str() == "open") {
  for (const Json s : config["secrets"])
    secrets_.push_back({std::string(s["name"].str()), std::string(s["secret"].str())});
  if (max_skew_ < seconds(1) || max_skew_ > std::chrono::hours(1))
    host.problem("/hmac/max_skew", "must be from 1s to 1h");
}

bool Signatures::is_now(View timestamp) const {
  std::int64_t value = 0;
  const char* const end = timestamp.data() + timestamp.size();
  if (timestamp.size() > 12) return false;  // also keeps the subtraction below within its type
  const auto parsed = std::from_chars(timestamp.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return false;
  const seconds difference = std::chrono::duration_cast<seconds>(host_.wall()) - seconds(value);
  return difference <= max_skew_ && -difference <= max_skew_;
}

Result<View> Signatures::signer_of(Exchange& x) const {
  const View timestamp = x.header("X-Gatehouse-Timestamp"), nonce = x.header("X-Gatehouse-Nonce");
  const View signature = x.header("X-Gatehouse-Signature");
  if (signature.size() != 2 * sizeof(Digest))
    return refused("no signature of 64 hexadecimal digits");
  if (!is_now(timestamp)) return refused("the timestamp is no time within max_skew of now");
  if (!is_nonce(nonce)) return refused("the nonce is not 16 to 64 letters, digits, _ or -");

  auto body = x.body();
  if (!body) return body.error();
  const std::string body_hash = hex(crypto_.sha256({*body}));
  std::string text;
  for (const View part : {x.method(), x.path(), x.query(), View(body_hash), timestamp})
    text.append(part).append("\n");
  text.append(nonce);
  const Secret* signer = nullptr;
  for (const Secret& s :
       secrets_) {  // all of them, so that time does not tell which one comes near
    if (equal_in_constant_time(hex(crypto_.hmac_sha256(s.secret, text)), signature)) signer = &s;
  }
  if (!signer) return refused("no secret gives this signature");

  // A timestamp may be max_skew ahead, is good until max_skew behind, and counts whole seconds:
  // remembered until after that.
  auto uses = store_.add(x, "nonce:" + signer->name + ":" + std::string(nonce), 1,
                         2 * max_skew_ + seconds(1));
  if (!uses) {
    Status error = uses.error();
    if (error.code() != GH_UNAVAILABLE) return error;
    if (!open_on_store_failure_) {
      return Fail{503, "store_unavailable",
                  "Signed requests cannot be checked just now. Try again in a moment.",
                  "the store is down", seconds(1)};
    }
    host_.log(GH_WARN, &x, "the store is down: this signed request may have been here before");
  } else if (*uses != 1) {
    return refused("this nonce has been here before");
  }
  return View(signer->name);
}

}  // namespace gatehouse::plugins::extension_auth
