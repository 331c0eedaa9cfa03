#include "approvals.h"

#include <unistd.h>

#include <charconv>
#include <system_error>

#include "canonical_json.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;

constexpr View kLabel = "gatehouse-tool-approval-1";  // so that the key proves nothing else
constexpr auto kClockSkew = 1min;  // between gateways: one that is behind takes answers for longer

Digest random_digest() {
  Digest digest;
  if (::getentropy(digest.data(), digest.size()) != 0)
    throw std::system_error(errno, std::generic_category(), "no random numbers");
  return digest;
}

std::chrono::seconds seconds_since_epoch(Host host) {
  return std::chrono::duration_cast<std::chrono::seconds>(host.wall());
}

/// What has to come back unchanged.
std::string digest_of(Crypto crypto, Json arguments) {
  return hex(crypto.sha256({canonical_json(arguments)}));
}

}  // namespace

Approvals::Approvals(Host host, Json config)
    : host_(host),
      crypto_(host),
      store_(host),
      ttl_(std::chrono::duration_cast<std::chrono::seconds>(config["ttl"].duration(1h))),
      key_is_configured_(config["key"]),
      key_(key_is_configured_ ? std::string(config["key"].str()) : hex(random_digest())),
      previous_key_(config["previous_key"].str()) {
  if (ttl_ < 1s || ttl_ > 168h) host.problem("/approvals/ttl", "must be between 1s and 168h");
  for (const char* outcome : {"asked", "approved", "denied", "refused"}) {
    outcomes_[outcome] =
        Series(host, GH_COUNTER, "gatehouse_mcp_approvals_total",
               "Questions whether a call may run, and their answers.", {{"outcome", outcome}});
  }
}

void Approvals::adopt(const Approvals& older) {
  if (!key_is_configured_ && !older.key_is_configured_) key_ = older.key_;
}

std::string Approvals::ask(Exchange& x, const Call& call) const {
  const std::string head =
      std::to_string((seconds_since_epoch(host_) + ttl_).count()) + "." + hex(random_digest());
  record(x, "asked", {}, call);
  return head + "." + proof(x, key_, head, call);
}

/// `head` is the beginning of the question's id. Strings of JSON keep apart what belongs to
/// different members.
std::string Approvals::proof(const Exchange& x, View key, View head, const Call& call) const {
  std::string text;
  const Json notes = x.notes();
  const std::string digest = digest_of(crypto_, call.input);
  for (const View member : {kLabel, head, notes["extension_id"].str(), notes["install"].str(),
                            View(call.id), View(call.name), View(digest)}) {
    quote(text, member);
  }
  return hex(crypto_.hmac_sha256(key, text));
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
      "not_asked", "The call is not the one that the user was asked about, so it did not run."};
  static constexpr Objection kExpired{
      "expired", "The user's approval came too late, so the call did not run."};
  static constexpr Objection kUsed{
      "used", "The user's approval was for one call, which has been made before."};
  static constexpr Objection kUnknown{
      "store_down", "It is not known whether the call ran before, so it did not run."};

  if (!call.here) return &kNotOffered;

  const std::size_t head_end = id.rfind('.');
  const View head = id.substr(0, head_end),
             proven = head_end == View::npos ? View() : id.substr(head_end + 1);
  const bool is_own = equal_in_constant_time(proof(x, key_, head, call), proven) ||
                      (!previous_key_.empty() &&
                       equal_in_constant_time(proof(x, previous_key_, head, call), proven));
  if (!is_own) return &kNotAsked;

  std::int64_t expiry = 0;
  std::from_chars(head.data(), head.data() + head.size(), expiry);
  const auto left = std::chrono::seconds(expiry) - seconds_since_epoch(host_);
  if (left <= 0s) return &kExpired;

  // Counted before the call runs, and atomically: it runs at most once, whoever repeats the
  // request.
  auto uses = store_.add(x, "approval." + std::string(head), 1, left + kClockSkew);
  if (!uses) return &kUnknown;
  return *uses == 1 ? nullptr : &kUsed;
}

/// The audit trail. Arguments are private, and the name of a tool that is not here is the client's
/// word.
void Approvals::record(const Exchange& x, View outcome, View reason, const Call& call) const {
  outcomes_.find(outcome)->second.record();
  Document fields;
  MutableJson line = fields.root();
  line.edit("outcome").set(outcome);
  if (!reason.empty()) line.edit("reason").set(reason);
  for (const View member : {"extension_id", "install"}) {
    if (const Json known = x.notes()[member]) line.edit(member).set(known);
  }
  if (call.here) {
    line.edit("server").set(View(call.here->server->name()));
    line.edit("tool").set(View(call.here->tool->own_name));
  }
  line.edit("arguments_sha256").set(View(digest_of(crypto_, call.input)));
  host_.log(GH_INFO, &x, "tool approval", line);
}

}  // namespace gatehouse::plugins::mcp
