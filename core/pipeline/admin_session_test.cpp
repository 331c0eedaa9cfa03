#include "core/pipeline/admin_session.h"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr AdminSession::Time kNow{1'700'000'000s};

/// What a browser sends after this Set-Cookie.
std::string cookie_of(const std::string& set_cookie) {
  return set_cookie.substr(0, set_cookie.find(';'));
}

TEST(AdminSession, LastsTwelveHours) {
  const AdminSession session("0123456789abcdef");
  const std::string cookie = cookie_of(session.begin(kNow, false));
  EXPECT_TRUE(session.is_in(cookie, kNow));
  EXPECT_TRUE(session.is_in(cookie, kNow + 12h - 1s));
  EXPECT_FALSE(session.is_in(cookie, kNow + 12h));
}

TEST(AdminSession, IsOneCookieAmongOthers) {
  const AdminSession session("0123456789abcdef");
  const std::string cookie = cookie_of(session.begin(kNow, false));
  EXPECT_TRUE(session.is_in("theme=dark; " + cookie + "; x=1", kNow));
  EXPECT_FALSE(session.is_in("not_" + cookie, kNow));
  EXPECT_FALSE(session.is_in("gatehouse-session", kNow));
  EXPECT_FALSE(session.is_in("", kNow));
}

TEST(AdminSession, EndsWithAnotherToken) {
  const std::string cookie = cookie_of(AdminSession("0123456789abcdef").begin(kNow, false));
  EXPECT_FALSE(AdminSession("0123456789abcdeg").is_in(cookie, kNow));
}

TEST(AdminSession, CannotBeMadeLonger) {
  const AdminSession session("0123456789abcdef");
  std::string cookie = cookie_of(session.begin(kNow, false));
  cookie[cookie.find('=') + 1] = '9';
  EXPECT_FALSE(session.is_in(cookie, kNow));
}

TEST(AdminSession, IsNeverThereWithoutAToken) {
  const AdminSession session("");
  EXPECT_FALSE(session.is_in(cookie_of(session.begin(kNow, false)), kNow));
}

TEST(AdminSession, IsHiddenFromScriptsAndOtherSites) {
  const std::string cookie = AdminSession("0123456789abcdef").begin(kNow, true);
  EXPECT_TRUE(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure"));
  EXPECT_EQ(AdminSession::end(),
            "gatehouse-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}

TEST(WrongTokens, LockTheirAddressForTheRestOfTheMinute) {
  WrongTokens wrong;
  const Clock::time_point now{1h};
  for (int i = 1; i < WrongTokens::kMost; ++i) wrong.add("192.0.2.1", now);
  EXPECT_EQ(wrong.wait_of("192.0.2.1", now), 0s);
  wrong.add("192.0.2.1", now + 5s);
  EXPECT_EQ(wrong.wait_of("192.0.2.1", now + 10s), 50s);
  EXPECT_EQ(wrong.wait_of("192.0.2.2", now + 10s), 0s);
  EXPECT_EQ(wrong.wait_of("192.0.2.1", now + 1min), 0s);
  wrong.add("192.0.2.1", now + 1min);
  EXPECT_EQ(wrong.wait_of("192.0.2.1", now + 1min), 0s);
}

}  // namespace
}  // namespace gatehouse::core
