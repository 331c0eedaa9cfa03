/// A key is a random text of 256 bits, so its SHA-256 is as hard to guess as the key itself and
/// needs no salt and no slow hash. A request's key is hashed and found in a table by its digest:
/// the time does not depend on how close a guess is. Nothing is kept between handle() and the place
/// below the ingress, where the chat document is: the key is found again, which takes a
/// microsecond, and one that was revoked meanwhile is rejected.
#include "keys.h"

#include <algorithm>

#include "schema.h"

namespace gatehouse::plugins::keys {
namespace {

struct Reason {
  View name;  // in the log and in the metric
  const char* message;
};
constexpr Reason kMissing = {"missing",
                             "This request needs an API key: send it as `Authorization: Bearer "
                             "KEY` or `x-api-key: KEY`."};
constexpr Reason kUnknown = {"unknown",
                             "The API key is not valid: check that it was copied whole, or request "
                             "one from the operator of this gateway."};
constexpr Reason kExpired = {
    "expired", "The API key has expired: request a new one from the operator of this gateway."};
constexpr std::array<Reason, 3> kReasons = {kMissing, kUnknown, kExpired};

constexpr View kInvalid = "invalid_api_key";

Fail rejection(const Reason& reason) {
  return {401, std::string(kInvalid), reason.message, std::string(reason.name)};
}

/// What the caller sent as its key.
View key_of(const Exchange& x) {
  const View bearer = bearer_token(x);
  return bearer.empty() ? x.header("x-api-key") : bearer;
}

std::string description(Json paths) {
  auto document = Document::parse(GATEHOUSE_OPENAPI);
  if (!document) return {};
  document->root().edit("x-guarded-paths").set(paths);
  return document->root().dump();
}

}  // namespace

Status Keys::handle(Exchange& x, Sink& out, Next& next) {
  if (!paths_.have(x.path())) return next(x, out);
  Status known = with_key(x, [&x](const Key& key) {
    x.set_caller({key.tenant(), {}, key.name});
    return Status();
  });
  if (known) return next(x, out);
  Status rejected = reject_caller(x, next, std::move(known));
  if (rejected.failure().code() != kInvalid) return rejected;
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    if (rejected.failure().detail() == kReasons[i].name) rejected_[i].record();
  }
  x.set_header("WWW-Authenticate", "Bearer");  // RFC 9110 11.6.1
  return rejected;
}

/// Calls `use` for the key of the request, or fails. `use` must not wait.
template <class F>
Status Keys::with_key(const Exchange& x, F use) const {
  constexpr std::size_t kMaxBytes = 1024;  // more than any key has; hashing costs 1 µs per KiB
  const View sent = key_of(x);
  if (sent.empty()) return rejection(kMissing);
  if (sent.size() > kMaxBytes) return rejection(kUnknown);
  const Digest sha256 = crypto_.sha256({sent});
  return keys_.read([&](const KeySet& keys) -> Status {
    const Key* const key = keys.find(sha256);
    if (!key) return rejection(kUnknown);
    if (std::chrono::floor<std::chrono::seconds>(host_.wall()) >= key->expires)
      return rejection(kExpired);
    return use(*key);
  });
}

/// Directly below the ingress.
Status Keys::apply_to_chat(Exchange& x, Sink& out, Next& next) {
  if (!paths_.have(x.path())) return next(x, out);
  Status allowed = with_key(
      x, [&x](const Key& key) { return key.rights ? apply(*key.rights, x.chat()) : Status(); });
  return allowed ? next(x, out) : std::move(allowed);
}

std::unique_ptr<const KeySet> Keys::load(std::vector<std::string>& problems) const {
  auto keys = std::make_unique<KeySet>(listed_);
  if (file_.empty()) return keys;
  if (const auto content = Files(host_).read(file_, problems))
    keys->add_lines(file_, *content, problems);
  return keys;
}

/// Uses what the file has now; as long as it is invalid, what it had before.
void Keys::watch(Exchange& x) {
  constexpr std::chrono::milliseconds kInterval(500);
  while (host_.sleep(x, kInterval)) {
    const std::uint64_t stamp = Files(host_).stamp(file_);
    if (stamp == stamp_) continue;
    stamp_ = stamp;
    std::vector<std::string> problems;
    auto changed = load(problems);
    for (const std::string& problem : problems)
      host_.error("keys not reloaded, the previous ones stay in use: " + problem);
    host_.health(problems.empty() ? GH_UP : GH_DEGRADED,
                 problems.empty() ? View() : View(problems.front()));
    if (!problems.empty()) continue;
    const std::string count = std::to_string(changed->size());
    keys_.replace(std::move(changed));
    host_.info("keys reloaded: " + count);
  }
}

Keys::Keys(Host host, Json config)
    : host_(host), crypto_(host), paths_(config["paths"]), file_(config["file"].str()) {
  if (!config["keys"] && file_.empty()) {
    host.problem(
        "",
        "has no keys: add `file` or `keys`; `gatehouse key new NAME` creates a key and its "
        "entry");
  }
  OpenApi(host).describe(description(config["paths"]));
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    rejected_[i] = Series(host, GH_COUNTER, "gatehouse_keys_rejected_total",
                          "Requests that were rejected for their API key, by reason.",
                          {{"plugin", host.instance()}, {"reason", kReasons[i].name}});
  }
  listed_.add_list(host, config["keys"]);
  if (!file_.empty()) stamp_ = Files(host).stamp(file_);
  std::vector<std::string> problems;
  keys_.replace(load(problems));
  for (const std::string& problem : problems) host.problem("/file", problem);
  around<&Keys::apply_to_chat>(host, GH_AROUND_CHATS, this);
  if (!file_.empty()) background<&Keys::watch>(host, this);
}

}  // namespace gatehouse::plugins::keys

GATEHOUSE_PLUGIN(gatehouse::plugins::keys::Keys, "keys", "1.0.0",
                 "Authenticates callers by API keys, with models, tools and limits of each",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_GUARD | GH_PLUGIN_UNLOADS)
