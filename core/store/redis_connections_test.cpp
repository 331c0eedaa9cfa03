#include "core/store/redis_connections.h"

#include <gtest/gtest.h>

#include <string>

#include "core/net/loop.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using Lease = RedisConnections::Lease;

class RedisConnectionsTest : public testing::Test {
 protected:
  RedisConnections connections_{{.host = "localhost"}};
  RedisConnections::Lane lane_{1};
};

TEST_F(RedisConnectionsTest, ALeaseIsNotGrantedWhileAllConnectionsAreInUse) {
  const Lease first(connections_, lane_, Clock::now());
  EXPECT_TRUE(first.granted());
  for (int i = 0; i < 2; ++i)
    EXPECT_FALSE(Lease(connections_, lane_, Clock::now() + 2ms).granted());
}

TEST_F(RedisConnectionsTest, LeasesAreGrantedInTurnWhileTheThreadGoesOn) {
  Loop loop;
  std::string seen;
  const auto use = [&](char name) {
    return [&, name] {
      const Lease lease(connections_, lane_, Clock::now() + 10s);
      EXPECT_TRUE(lease.granted());
      pollfd nothing{-1, 0, 0};
      EXPECT_EQ(loop.wait(&nothing, 1, Clock::now() + 1ms), 0);
      seen += name;
    };
  };
  for (const char name : {'a', 'b', 'c'}) EXPECT_TRUE(loop.start(use(name)));
  loop.stop();
  loop.run();
  EXPECT_EQ(seen, "abc");
  EXPECT_TRUE(Lease(connections_, lane_, Clock::now()).granted());
}

}  // namespace
}  // namespace gatehouse::core
