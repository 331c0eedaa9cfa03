#include "core/net/dial.h"

#include <gtest/gtest.h>

#include "tests/core/client_end.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using Poco::Net::StreamSocket;

constexpr in_addr_t kSecond = 0x7f000002;  // 127.0.0.2

Result<StreamSocket> dial_all(const std::vector<const char*>& texts, std::uint16_t port,
                              Waiter& waiter, Clock::duration patience = 60s) {
  Addresses addresses;
  for (const char* text : texts) addresses.emplace_back(text);
  return dial(addresses, port, waiter, Clock::now() + patience);
}

std::string peer_of(const Result<StreamSocket>& dialled) {
  return dialled ? dialled->peerAddress().host().toString() : dialled.error().detail;
}

TEST(Dial, TheFirstAddressThatAcceptsAConnectionIsUsed) {
  const Listener both(16, INADDR_ANY), second(16, kSecond);
  ClientEnd client;
  const std::vector addresses{"127.0.0.1", "127.0.0.2"};
  EXPECT_EQ(peer_of(dial_all(addresses, both.port_number(), client.waiter())), "127.0.0.1");
  EXPECT_EQ(peer_of(dial_all(addresses, second.port_number(), client.waiter())), "127.0.0.2");
}

TEST(Dial, AnAddressThatDoesNotRespondHardlyDelaysTheNext) {
  const FullListener dead;
  const Listener alive(16, kSecond, dead.port_number());
  ClientEnd client;
  const auto began = Clock::now();
  const std::vector addresses{"127.0.0.1", "127.0.0.1", "127.0.0.2"};
  EXPECT_EQ(peer_of(dial_all(addresses, dead.port_number(), client.waiter())), "127.0.0.2");
  EXPECT_LT(Clock::now() - began, 10s);
}

TEST(Dial, AnAddressThatDoesNotRespondLeavesTimeForTheNext) {
  const FullListener dead;
  const Listener alive(16, kSecond, dead.port_number());
  ClientEnd client;
  const std::vector addresses{"127.0.0.1", "127.0.0.2"};
  EXPECT_EQ(peer_of(dial_all(addresses, dead.port_number(), client.waiter(), 200ms)), "127.0.0.2");
}

TEST(Dial, TheErrorDescribesEveryAttempt) {
  const FullListener dead;
  ClientEnd client;
  const std::string port = ":" + dead.port();
  const auto late = dial_all({"127.0.0.2", "127.0.0.1"}, dead.port_number(), client.waiter(), 50ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, Error::connect_timeout);
  EXPECT_EQ(late.error().detail, "127.0.0.2" + port + ": Connection refused; 127.0.0.1" + port +
                                     ": connection timed out");
  const auto refused = dial_all({"127.0.0.2", "127.0.0.3"}, dead.port_number(), client.waiter());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::unreachable);
  EXPECT_EQ(refused.error().detail,
            "127.0.0.2" + port + ": Connection refused; 127.0.0.3" + port + ": Connection refused");
}

TEST(Dial, MoreAddressesThanAreTriedAtOnceAreTriedInTurn) {
  const Listener alive(16, kSecond);
  std::vector<const char*> addresses(20, "127.0.0.1");
  addresses.push_back("127.0.0.2");
  ClientEnd client;
  EXPECT_EQ(peer_of(dial_all(addresses, alive.port_number(), client.waiter())), "127.0.0.2");
}

}  // namespace
}  // namespace gatehouse::core
