#include "core/net/resolver.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

#include "tests/core/client_end.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

Result<Addresses> look_up(const std::string& host, Waiter& waiter, Clock::duration patience = 5s) {
  return resolve(host, waiter, Clock::now() + patience);
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
    // The three standard ones, which is also the number that poll(2) accepts then.
    const rlimit none{3, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Resolver, AnAddressIsItself) {
  ClientEnd client;
  for (const char* address : {"192.0.2.7", "::1"})
    EXPECT_EQ(*look_up(address, client.waiter(), 0s), Addresses{Poco::Net::IPAddress(address)});
}

TEST(Resolver, ANameIsLookedUpOnceForSomeTime) {
  ClientEnd client;
  const std::string name = new_name();
  const auto first = look_up(name, client.waiter());
  ASSERT_TRUE(first);
  EXPECT_TRUE(std::all_of(first->begin(), first->end(),
                          [](const auto& address) { return address.isLoopback(); }));
  const NoDescriptors none;  // a second look-up would need one
  EXPECT_EQ(*look_up(name, client.waiter()), *first);
}

TEST(Resolver, LocalhostIsBothLoopbacks) {
  ClientEnd client;
  const Addresses both{Poco::Net::IPAddress("::1"), Poco::Net::IPAddress("127.0.0.1")};
  EXPECT_EQ(*look_up("localhost", client.waiter()), both);
  EXPECT_EQ(*look_up("tools.LocalHost", client.waiter()), both);
}

TEST(Resolver, AnUnknownNameIsUnreachable) {
  ClientEnd client;
  const auto out = look_up("no such host", client.waiter());
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().kind, Error::unreachable);
  EXPECT_EQ(out.error().detail.rfind("no such host: ", 0), 0u) << out.error().detail;
}

TEST(Resolver, ALookUpThatCouldNotBeginIsTriedAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer needs descriptors to look at an exception";
#endif
  ClientEnd client;
  const std::string name = new_name();
  {
    const NoDescriptors none;
    const auto failed = look_up(name, client.waiter());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, Error::unreachable);
    EXPECT_FALSE(failed.error().detail.empty());
  }
  EXPECT_TRUE(look_up(name, client.waiter()));
}

TEST(Resolver, WhatIsForgottenIsLookedUpAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer needs descriptors to look at an exception";
#endif
  ClientEnd client;
  const std::string name = new_name();
  ASSERT_TRUE(look_up(name, client.waiter()));
  forget(name);
  const NoDescriptors none;
  EXPECT_FALSE(look_up(name, client.waiter()));
}

TEST(Resolver, AClientThatLeavesDoesNotWaitForTheNameService) {
  ClientEnd client;
  client.leave();
  const auto out = look_up(new_name(), client.waiter());
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().kind, Error::gone);
}

}  // namespace
}  // namespace gatehouse::core
