/// The id of a question is EXPIRY.RANDOM.SIGNATURE: when the approval expires, in seconds since
/// 1970, random digits, which make each question another one, and an HMAC over these two, the
/// caller and the call. The store counts, by EXPIRY.RANDOM, how often an approval was used.
#include "approvals.h"

#include <unistd.h>

#include <charconv>
#include <system_error>

#include "canonical_json.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;

constexpr View kLabel = "gatehouse-tool-approval-1";  // the key signs nothing else under this label
// Between gateways: one that is behind accepts approvals for longer, so uses are counted for
// longer.
constexpr auto kClockSkew = 1min;

Digest random_digest() {
  Digest digest;
  if (::getentropy(digest.data(), digest.size()) != 0)
    throw std::system_error(errno, std::generic_category(), "no random numbers");
  return digest;
}

std::chrono::seconds seconds_since_epoch(Host host) {
  return std::chrono::duration_cast<std::chrono::seconds>(host.wall());
}

/// Of the arguments as any JSON writer may spell them.
std::string digest_of(Crypto crypto, Json arguments) {
  return hex(crypto.sha256({canonical_json(arguments)}));
}

}  // namespace

Approvals::Approvals(Host host, Json config)
    : host_(host),
      crypto_(host),
      store_(host),
      ttl_(std::chrono::duration_cast<std::chrono::seconds>(config["ttl"].duration())),
      key_is_configured_(config["key"]),
      key_(key_is_configured_ ? std::string(config["key"].str()) : hex(random_digest())),
      previous_key_(config["previous_key"].str()) {
  for (const char* outcome : {"asked", "approved", "denied", "refused"}) {
    outcomes_[outcome] =
        Series(host, GH_COUNTER, "gatehouse_mcp_approvals_total",
               "Questions to users whether a tool call may run, and decisions about them.",
               {{"outcome", outcome}});
  }
}

void Approvals::adopt(const Approvals& older) {
  if (!key_is_configured_ && !older.key_is_configured_) key_ = older.key_;
}

void Approvals::save(MutableJson into) const {
  if (!key_is_configured_) into.edit("key").set(View(key_));
}

void Approvals::restore(Json saved) {
  if (!key_is_configured_ && saved["key"]) key_ = saved["key"].str();
}

std::string Approvals::ask(Exchange& x, const Call& call) const {
  const std::string expiry = std::to_string((seconds_since_epoch(host_) + ttl_).count());
  const std::string head = expiry + "." + hex(random_digest());
  record(x, "asked", {}, call);
  return head + "." + signature(x, key_, head, call);
}

View Approvals::objection(Exchange& x, View id, const Call& call) const {
  const Objection* const objection = find_objection(x, id, call);
  record(x, objection ? "refused" : "approved", objection ? objection->code : View(), call);
  return objection ? objection->text : View();
}

const Approvals::Objection* Approvals::find_objection(Exchange& x, View id,
                                                      const Call& call) const {
  static constexpr Objection kNotOffered{"not_offered", "The tool is no longer available."};
  static constexpr Objection kNotAsked{
      "not_asked", "The user was asked about a different call, so this call did not run."};
  static constexpr Objection kExpired{
      "expired", "The user's approval came too late, so the call did not run."};
  static constexpr Objection kUsed{
      "used", "The user's approval was for one call, which has already been made."};
  static constexpr Objection kUnknown{
      "store_down", "It is unknown whether the call already ran, so it did not run."};

  if (!call.here) return &kNotOffered;
  const std::size_t head_end = id.rfind('.');
  if (head_end == View::npos) return &kNotAsked;
  const View head = id.substr(0, head_end);
  if (!is_signed(x, head, id.substr(head_end + 1), call)) return &kNotAsked;
  const auto left = time_left(head);
  if (left <= 0s) return &kExpired;

  // Counted before the call runs, and atomically: it runs at most once, however often the request
  // is repeated.
  auto uses = store_.add(x, "approval." + std::string(head), 1, left + kClockSkew);
  if (!uses) return &kUnknown;
  return *uses == 1 ? nullptr : &kUsed;
}

bool Approvals::is_signed(const Exchange& x, View head, View given, const Call& call) const {
  const auto matches = [&](View key) {
    return equal_in_constant_time(signature(x, key, head, call), given);
  };
  return matches(key_) || (!previous_key_.empty() && matches(previous_key_));
}

/// JSON strings keep apart what belongs to different members.
std::string Approvals::signature(const Exchange& x, View key, View head, const Call& call) const {
  std::string text;
  const Caller caller = x.caller();
  const std::string digest = digest_of(crypto_, call.input);
  for (const View member : {kLabel, head, caller.tenant, caller.user, caller.key, View(call.id),
                            View(call.name), View(digest)})
    quote(text, member);
  return hex(crypto_.hmac_sha256(key, text));
}

std::chrono::seconds Approvals::time_left(View head) const {
  std::int64_t expiry = 0;
  std::from_chars(head.data(), head.data() + head.size(), expiry);
  return std::chrono::seconds(expiry) - seconds_since_epoch(host_);
}

/// The audit log. It has no arguments, which are private, and no name of a tool that is not here,
/// which is any text of the client.
void Approvals::record(const Exchange& x, View outcome, View reason, const Call& call) const {
  outcomes_.find(outcome)->second.record();
  const Document fields;
  const auto add = [&fields](View name, View text) {
    if (!text.empty()) fields.root().edit(name).set(text);
  };
  const Caller caller = x.caller();
  add("outcome", outcome);
  add("reason", reason);
  add("caller", caller.tenant);
  add("user", caller.user);
  if (call.here) {
    add("server", call.here->server->name());
    add("tool", call.here->tool->own_name);
  }
  add("arguments_sha256", digest_of(crypto_, call.input));
  host_.log(GH_INFO, &x, "tool approval", fields.root());
}

}  // namespace gatehouse::plugins::mcp
