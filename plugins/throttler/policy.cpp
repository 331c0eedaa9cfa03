#include "policy.h"

#include <arpa/inet.h>

#include <algorithm>

namespace gatehouse::plugins::throttler {
namespace {

constexpr View kHeaderKey = "header:";

/// Appends the part of an address that a client cannot choose: of IPv6 the first 64 bits (RFC 8981:
/// hosts choose the others freely), of IPv4 all of it.
void append_network(std::string& out, View address) {
  char terminated[INET6_ADDRSTRLEN] = {};  // for inet_pton
  char bytes[16];
  if (address.size() < sizeof terminated) address.copy(terminated, address.size());
  if (inet_pton(AF_INET6, terminated, bytes) == 1) address = View(bytes, 8);
  out.append(address);
}

}  // namespace

Policy::Policy(Json config)
    : name(config["name"].str()),
      limit(config["limit"].integer()),
      window(config["window"].duration()),
      key(config["key"].str()),
      concurrent(config["concurrent"].integer()) {
  if (key.compare(0, kHeaderKey.size(), kHeaderKey) == 0) header = key.substr(kHeaderKey.size());
}

// Both items are those of draft-ietf-httpapi-ratelimit-headers.

std::string Policy::declaration() const {
  return "\"" + name + "\";q=" + std::to_string(limit) +
         ";w=" + std::to_string(whole_seconds(window));
}

std::string Policy::state(const Quota& quota) const {
  const std::int64_t left = std::max<std::int64_t>(quota.remaining, 0);
  const std::int64_t seconds = whole_seconds(std::chrono::nanoseconds(quota.reset_ns));
  return "\"" + name + "\";r=" + std::to_string(left) + ";t=" + std::to_string(seconds);
}

Policy::Counted Policy::counted(const Exchange& x, const Crypto& crypto) const {
  const Caller caller = x.caller();
  const bool by_user = key == "client" || key == "install";
  if (by_user && !caller.user.empty()) return {"install", std::string(caller.user)};
  if (key == "client" && !caller.key.empty()) return {"key", std::string(caller.key)};
  if (key == "extension" && !caller.tenant.empty())
    return {"extension", std::string(caller.tenant)};
  if (!header.empty()) {
    // The digest bounds the length, and keeps secrets out of the store.
    const View value = x.header(header);
    if (!value.empty()) return {"header", hex(crypto.sha256({value}))};
  }
  return {"address", std::string(x.client())};
}

std::string Policy::key_of(const Counted& counted) const {
  std::string out = name + ":" + counted.of[0] + ":";
  if (counted.of == "address") {
    append_network(out, counted.name);
  } else {
    out += counted.name;
  }
  return out;
}

std::int64_t whole_seconds(std::chrono::nanoseconds time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

}  // namespace gatehouse::plugins::throttler
