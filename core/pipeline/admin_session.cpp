#include "core/pipeline/admin_session.h"

#include <charconv>

#include "core/host/tables.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

constexpr std::string_view kName = "gatehouse-session";
constexpr std::string_view kAttributes = "; Path=/; HttpOnly; SameSite=Strict; Max-Age=";

/// The value of the session's cookie in a Cookie header (RFC 6265 4.2.1).
std::string_view session_in(std::string_view cookies) {
  while (!cookies.empty()) {
    const std::string_view one = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(one.size() + 1, cookies.size()));
    const std::string_view cookie = one.substr(std::min(one.find_first_not_of(' '), one.size()));
    if (cookie.starts_with(kName) && cookie.substr(kName.size()).starts_with('='))
      return cookie.substr(kName.size() + 1);
  }
  return {};
}

}  // namespace

std::string AdminSession::signed_value(Time until) const {
  const std::string last = std::to_string(until.time_since_epoch().count());
  Digest digest;
  crypto_table().hmac(raw(token_), raw("session until " + last), digest.data());
  return last + '.' + hex(digest);
}

std::string AdminSession::begin(Time now, bool secure) const {
  std::string cookie = std::string(kName) + '=' + signed_value(now + kLongest);
  cookie.append(kAttributes).append(std::to_string(kLongest.count()));
  return secure ? cookie + "; Secure" : cookie;
}

std::string AdminSession::end() {
  return std::string(kName) + "=" + std::string(kAttributes) + "0";
}

bool AdminSession::is_in(std::string_view cookies, Time now) const {
  const std::string_view value = session_in(cookies);
  std::chrono::seconds::rep last = 0;
  const auto number = std::from_chars(value.data(), value.data() + value.size(), last);
  if (token_.empty() || number.ec != std::errc()) return false;
  const Time until{std::chrono::seconds(last)};
  return now < until && equal_in_constant_time(value, signed_value(until));
}

Clock::duration WrongTokens::wait_of(std::string_view address, Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  const Count& count = counts_[index_of(address)];
  const auto left = count.began + kWindow - now;
  return count.wrong >= kMost && left > left.zero() ? left : left.zero();
}

void WrongTokens::add(std::string_view address, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Count& count = counts_[index_of(address)];
  if (now - count.began >= kWindow) count = {now, 0};
  ++count.wrong;
}

}  // namespace gatehouse::core
