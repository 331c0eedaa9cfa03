#include "core/server/server.h"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

TEST(Server, HasAPulseAsLongAsAThreadPolls) {
  Log log{LogSettings{"error", ""}};
  ServerSettings settings;
  settings.address = "127.0.0.1";
  Server server(settings, log);
  (void)server.is_polling();
  EXPECT_FALSE(server.is_polling()) << "it has no thread yet";
  server.listen();
  server.start();
  const auto until = Clock::now() + 10s;
  while (!server.is_polling() && Clock::now() < until) std::this_thread::yield();
  EXPECT_LT(Clock::now(), until);
}

}  // namespace
}  // namespace gatehouse::core
