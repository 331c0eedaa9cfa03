#include "core/net/dial.h"

#include <gtest/gtest.h>

#include "tests/core/client_end.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using Poco::Net::IPAddress;

constexpr in_addr_t kSecond = 0x7f000002;  // 127.0.0.2

struct Dialled {
  std::string peer;  // empty: none
  Wake wake{};
  std::string why;
};

Dialled dial_all(const std::vector<const char*>& texts, std::uint16_t port, Waiter& waiter,
                 Clock::duration patience = 60s) {
  std::vector<IPAddress> addresses;
  for (const char* text : texts) addresses.emplace_back(text);
  Dialled out;
  if (const auto socket = dial(addresses, port, waiter, Clock::now() + patience, out.wake, out.why))
    out.peer = socket->peerAddress().host().toString();
  return out;
}

TEST(Dial, TheFirstAddressThatTakesAConnectionIsUsed) {
  const Listener both(16, INADDR_ANY), second(16, kSecond);
  ClientEnd client;
  EXPECT_EQ(dial_all({"127.0.0.1", "127.0.0.2"}, both.port_number(), client.waiter()).peer,
            "127.0.0.1");
  const Dialled refused_once =
      dial_all({"127.0.0.1", "127.0.0.2"}, second.port_number(), client.waiter());
  EXPECT_EQ(refused_once.peer, "127.0.0.2");
  EXPECT_EQ(refused_once.wake, Wake::ready);
}

TEST(Dial, AnAddressThatDoesNotAnswerHardlyHoldsUpTheNext) {
  const FullListener dead;
  const Listener alive(16, kSecond, dead.port_number());
  ClientEnd client;
  const auto began = Clock::now();
  EXPECT_EQ(
      dial_all({"127.0.0.1", "127.0.0.1", "127.0.0.2"}, dead.port_number(), client.waiter()).peer,
      "127.0.0.2");
  EXPECT_LT(Clock::now() - began, 10s);
}

TEST(Dial, SaysOfEachAddressWhatIsWrong) {
  const FullListener dead;
  ClientEnd client;
  const std::string port = ":" + dead.port();
  const Dialled late =
      dial_all({"127.0.0.2", "127.0.0.1"}, dead.port_number(), client.waiter(), 50ms);
  EXPECT_EQ(late.why, "127.0.0.2" + port + ": Connection refused; 127.0.0.1" + port +
                          ": no connection in time");
  EXPECT_EQ(late.wake, Wake::timeout);
  const Dialled refused = dial_all({"127.0.0.2", "127.0.0.3"}, dead.port_number(), client.waiter());
  EXPECT_EQ(refused.why,
            "127.0.0.2" + port + ": Connection refused; 127.0.0.3" + port + ": Connection refused");
  EXPECT_EQ(refused.wake, Wake::ready);
}

TEST(Dial, MoreAddressesThanAreTriedAtOnceAreTriedInTurn) {
  const Listener alive(16, kSecond);
  std::vector<const char*> addresses(20, "127.0.0.1");
  addresses.push_back("127.0.0.2");
  ClientEnd client;
  EXPECT_EQ(dial_all(addresses, alive.port_number(), client.waiter()).peer, "127.0.0.2");
}

}  // namespace
}  // namespace gatehouse::core
