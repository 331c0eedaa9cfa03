#include "core/net/resolver.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

#include "tests/core/client_end.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

struct Answer {
  std::vector<Poco::Net::IPAddress> addresses;
  Wake wake{};
  std::string why;
};

Answer look_up(const std::string& host, Waiter& waiter, Clock::duration patience = 5s) {
  Answer out;
  out.addresses = resolve(host, waiter, Clock::now() + patience, out.wake, out.why);
  return out;
}

/// "localhost" as it has not been written before, so that its addresses are not known yet.
std::string new_name() {
  static unsigned count = 0;
  std::string name = "localhost";
  ++count;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (count >> i & 1) name[i] = static_cast<char>(name[i] - 'a' + 'A');
  }
  return name;
}

/// No more descriptors than there are, as long as it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{
        3, before_.rlim_max};  // the standard ones; poll(2) takes no more than that many either
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Resolver, AnAddressIsItself) {
  ClientEnd client;
  EXPECT_EQ(look_up("192.0.2.7", client.waiter(), 0s).addresses,
            std::vector{Poco::Net::IPAddress("192.0.2.7")});
  EXPECT_EQ(look_up("::1", client.waiter(), 0s).addresses,
            std::vector{Poco::Net::IPAddress("::1")});
}

TEST(Resolver, ANameIsLookedUpOnceForSomeTime) {
  ClientEnd client;
  const std::string name = new_name();
  const auto first = look_up(name, client.waiter()).addresses;
  ASSERT_FALSE(first.empty());
  EXPECT_TRUE(std::all_of(first.begin(), first.end(),
                          [](const auto& address) { return address.isLoopback(); }));
  const NoDescriptors none;  // a second look-up would need one
  EXPECT_EQ(look_up(name, client.waiter()).addresses, first);
}

TEST(Resolver, LocalhostIsBothLoopbacks) {
  ClientEnd client;
  const std::vector both{Poco::Net::IPAddress("::1"), Poco::Net::IPAddress("127.0.0.1")};
  EXPECT_EQ(look_up("localhost", client.waiter()).addresses, both);
  EXPECT_EQ(look_up("tools.LocalHost", client.waiter()).addresses, both);
}

TEST(Resolver, ANameThatNobodyHasSaysSo) {
  ClientEnd client;
  const Answer out = look_up("no such host", client.waiter());
  EXPECT_TRUE(out.addresses.empty());
  EXPECT_EQ(out.wake, Wake::ready);
  EXPECT_FALSE(out.why.empty());
}

TEST(Resolver, ALookUpThatCouldNotBeginIsTriedAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer needs descriptors to look at an exception";
#endif
  ClientEnd client;
  const std::string name = new_name();
  {
    const NoDescriptors none;
    const Answer failed = look_up(name, client.waiter());
    EXPECT_TRUE(failed.addresses.empty());
    EXPECT_EQ(failed.wake, Wake::ready);
    EXPECT_FALSE(failed.why.empty());
  }
  EXPECT_FALSE(look_up(name, client.waiter()).addresses.empty());
}

TEST(Resolver, WhatIsForgottenIsLookedUpAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer needs descriptors to look at an exception";
#endif
  ClientEnd client;
  const std::string name = new_name();
  ASSERT_FALSE(look_up(name, client.waiter()).addresses.empty());
  forget(name);
  const NoDescriptors none;
  EXPECT_TRUE(look_up(name, client.waiter()).addresses.empty());
}

TEST(Resolver, AClientThatLeavesDoesNotWaitForTheNameService) {
  ClientEnd client;
  client.leave();
  const Answer out = look_up(new_name(), client.waiter());
  EXPECT_EQ(out.wake, Wake::gone);
  EXPECT_TRUE(out.addresses.empty());
}

}  // namespace
}  // namespace gatehouse::core
