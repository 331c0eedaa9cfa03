#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::throttler {

/// One rate limit, as configured.
struct Policy {
  explicit Policy(Json config);

  /// `"default";q=100;w=60`: the policy as an item of the header RateLimit-Policy.
  std::string declaration() const;
  /// `"default";r=99;t=60`: the requests that are left and the seconds until there are more, as an
  /// item of the header RateLimit.
  std::string state(const Quota& quota) const;
  /// What the request counts against: the caller, address or header that the policy goes by.
  struct Counted {
    View of;           ///< install, key, extension, header or address
    std::string name;  ///< Of a header: its digest.
  };
  Counted counted(const Exchange& x, const Crypto& crypto) const;
  /// Its key in the store.
  std::string key_of(const Counted& counted) const;

  std::string name;
  std::int64_t limit;
  std::chrono::milliseconds window;  // whole seconds, as the plugin checks
  std::string key;
  std::string header;       // of key header:NAME
  std::int64_t concurrent;  // 0: any number
};

/// Rounded up, so that a client that waits as long does not retry too early.
std::int64_t whole_seconds(std::chrono::nanoseconds time);

}  // namespace gatehouse::plugins::throttler
