#pragma once

#include <Poco/Net/StreamSocket.h>

#include <cstdint>

#include "core/net/resolver.h"

namespace gatehouse::core {

/// A connection to the first of `addresses` that accepts one ("Happy Eyeballs", RFC 8305 5). The
/// next address is tried when one has failed, and in parallel with those that have not responded
/// after 250 ms, or after their share of a shorter time: a dead address costs no more than that.
/// The error describes every attempt.
Result<Poco::Net::StreamSocket> dial(const Addresses& addresses, std::uint16_t port, Waiter& waiter,
                                     Clock::time_point until);

}  // namespace gatehouse::core
