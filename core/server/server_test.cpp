#include "core/server/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/net/loop.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

/// False: it was still wrong after ten seconds.
bool eventually(const std::function<bool()>& holds) {
  const auto until = Clock::now() + 10s;
  while (!holds()) {
    if (Clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

/// Notes which loop runs each request, and runs it until the end of the test, or as its path says.
class Requests final : public Handler {
 public:
  gh_status run(Exchange& x, const gh_sink&) const override {
    {
      const std::lock_guard lock(mutex_);
      loops_.push_back(Loop::of_fiber() ? Loop::of_fiber()->number() : kThread);
    }
    const std::string_view path = x.head().path;
    if (path == "/soon") {
      (void)x.waiter().wait(-1, 0, Clock::now() + 40ms);
    } else if (path == "/hold") {  // its thread, as a plugin that blocks
      EXPECT_TRUE(held_.try_acquire_for(10s));
    } else {
      (void)x.waiter().wait(end_.fd(), POLLIN, Clock::time_point::max());
    }
    return x.fail({503, "test", "It is over.", {}});
  }
  static constexpr std::size_t kThread = 0;  // in place of a loop: one of its own
  /// Of the requests so far, of which there are `count`.
  std::vector<std::size_t> loops(std::size_t count) const {
    const auto have_begun = [&] {
      const std::lock_guard lock(mutex_);
      return loops_.size() == count;
    };
    EXPECT_TRUE(eventually(have_begun)) << count;
    const std::lock_guard lock(mutex_);
    return loops_;
  }
  void end() const {
    end_.signal();
    held_.release();
  }

 private:
  const EventFd end_;
  mutable std::counting_semaphore<> held_{0};
  mutable std::mutex mutex_;
  mutable std::vector<std::size_t> loops_;  // guarded by mutex_
};

/// A server with two loops.
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    ServerSettings settings;
    settings.max_running = 100;
    settings.head_timeout = settings.idle_timeout = settings.send_timeout = 10s;
    settings.max_duration = 60s;
    server_.use(std::make_shared<const core::Setup>(core::Setup{settings, requests_}));
    server_.start();
    server_.listen({{ListenSettings{}, socket_, nullptr}});
  }
  ~ServerTest() override {
    requests_->end();
    EXPECT_TRUE(eventually([&] { return server_.running() == 0; }));
    for (const int client : clients_) ::close(client);
  }

  /// A client on a connection of its own.
  int send(const std::string& path, const std::string& fields = {}) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string address = socket_->address();
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    const int client = clients_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
    EXPECT_EQ(::write(client, request.data(), request.size()),
              static_cast<ssize_t>(request.size()));
    return client;
  }

  Log log_{LogSettings{"error", ""}};
  Metrics metrics_;
  const std::shared_ptr<const Requests> requests_ = std::make_shared<const Requests>();
  const std::shared_ptr<const ListeningSocket> socket_ = bound();
  std::vector<int> clients_;
  Server server_{log_, metrics_, 2};

 private:
  static std::shared_ptr<const ListeningSocket> bound() {
    ListenSettings anywhere;
    anywhere.host = "127.0.0.1";
    return ListeningSocket::bind(anywhere, {}).front();
  }
};

TEST(Server, HasAPulseAsLongAsAThreadPolls) {
  Log log{LogSettings{"error", ""}};
  Metrics metrics;
  Server server(log, metrics, 2);
  (void)server.is_polling();
  EXPECT_FALSE(server.is_polling()) << "it has no thread yet";
  server.start();
  EXPECT_TRUE(eventually([&] { return server.is_polling(); }));
}

TEST_F(ServerTest, SpreadsRunningRequestsOverItsLoops) {
  constexpr std::size_t kMany = 8;
  for (std::size_t i = 1; i <= kMany; ++i) {
    send("/");
    (void)requests_->loops(i);
  }
  const auto loops = requests_->loops(kMany);
  const auto on_first = std::count(loops.begin(), loops.end(), loops.front());
  EXPECT_GE(on_first, 2);
  EXPECT_LE(on_first, 6) << "half of them, unless the machine is too busy to run one of the loops";
}

TEST_F(ServerTest, GivesNoConnectionsToALoopWhoseThreadIsHeld) {
  send("/hold");
  const std::size_t held = requests_->loops(1).front();
  char byte;  // of the response, when the other loop has known for 40 ms
  EXPECT_EQ(::read(send("/soon"), &byte, 1), 1);
  for (int i = 0; i < 4; ++i) send("/");
  const auto loops = requests_->loops(6);
  EXPECT_EQ(std::count(loops.begin(), loops.end(), held), 1);
}

TEST_F(ServerTest, RunsRequestsWithLargeBodiesOnThreads) {
  send("/", "Content-Length: 1048576\r\n");
  EXPECT_NE(requests_->loops(1).back(), Requests::kThread);
  send("/", "Content-Length: 1048577\r\n");
  EXPECT_EQ(requests_->loops(2).back(), Requests::kThread);
  send("/", "Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(requests_->loops(3).back(), Requests::kThread);
}

}  // namespace
}  // namespace gatehouse::core
