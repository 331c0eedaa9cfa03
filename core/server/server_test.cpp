#include "core/server/server.h"

#include <gtest/gtest.h>

#include <thread>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

TEST(Server, HasAPulseAsLongAsAThreadPolls) {
  Log log{LogSettings{"error", ""}};
  Metrics metrics;
  Server server(log, metrics, 2);
  (void)server.is_polling();
  EXPECT_FALSE(server.is_polling()) << "it has no thread yet";
  server.start();
  const auto until = Clock::now() + 10s;
  while (!server.is_polling() && Clock::now() < until) std::this_thread::yield();
  EXPECT_LT(Clock::now(), until);
}

}  // namespace
}  // namespace gatehouse::core
