#include "core/net/io.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <string>

#include "core/net/event_fd.h"
#include "tests/core/client_end.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

Poco::Net::StreamSocket connect(const Listener& listener) {
  Poco::Net::StreamSocket socket(Poco::Net::SocketAddress("127.0.0.1:" + listener.port()));
  socket.setBlocking(false);
  return socket;
}

/// The kind of the error, if there is one.
template <class T>
std::optional<Error::Kind> kind_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().kind);
}

TEST(Io, MoreThanTheSocketTakesIsWrittenAsThePeerReads) {
  const std::string bytes(8u << 20, 'x');
  std::string received;
  ClientEnd client;
  {
    ScriptedServer server({[&](Peer& peer) { received = peer.rest(); }});
    auto socket = connect(server);
    EXPECT_TRUE(write_all(socket, bytes, client.waiter(), 5s));
  }
  EXPECT_TRUE(received == bytes) << received.size();
}

TEST(Io, WritingToAPeerThatDoesNotReadTimesOut) {
  ClientEnd client;
  Listener server;
  auto socket = connect(server);
  EXPECT_EQ(kind_of(write_all(socket, std::string(64u << 20, 'x'), client.waiter(), 20ms)),
            Error::timeout);
}

TEST(Io, AClientThatLeavesEndsAWrite) {
  ClientEnd client;
  client.leaves_at_wait(1);
  Listener server;
  auto socket = connect(server);
  EXPECT_EQ(kind_of(write_all(socket, std::string(64u << 20, 'x'), client.waiter(), 5s)),
            Error::gone);
}

TEST(Io, ReadingTellsAnEndFromAReset) {
  ClientEnd client;
  ScriptedServer server({[](Peer& peer) { peer.send("x"); },
                         [](Peer& peer) {
                           peer.send("x");
                           peer.reset_at_close();
                         }});
  auto ended = connect(server), reset = connect(server);
  const auto read = [&client](Poco::Net::StreamSocket& socket) {
    return read_some(socket, client.waiter(), Clock::now() + 5s);
  };
  EXPECT_EQ(*read(ended), "x");
  EXPECT_EQ(*read(ended), "");
  EXPECT_EQ(*read(reset), "x");
  EXPECT_EQ(kind_of(read(reset)), Error::broken);
}

TEST(Io, ReadingWithoutWaitingTimesOutIfNothingHasArrived) {
  Listener server;
  auto socket = connect(server);
  EXPECT_EQ(kind_of(read_ready(socket)), Error::timeout);
}

TEST(Io, AConnectionIsQuietUntilItsPeerSendsOrCloses) {
  ClientEnd client;
  ScriptedServer server(
      {[](Peer& peer) { peer.rest(); }, [](Peer& peer) { peer.send("x"); }, [](Peer&) {}});
  auto quiet = connect(server), spoken = connect(server), closed = connect(server);
  EXPECT_TRUE(is_quiet(quiet));
  quiet.close();
  for (auto* socket : {&spoken, &closed}) {
    EXPECT_EQ(client.waiter().wait(socket->impl()->sockfd(), POLLIN, Clock::now() + 5s),
              Wake::ready);
    EXPECT_FALSE(is_quiet(*socket));
  }
}

/// The error that ends the reading from a peer that always has more. `then` is
/// called when the first byte has arrived.
std::optional<Error::Kind> end_of_flood(
    ClientEnd& client, const std::function<void()>& then = [] {}, Clock::duration patience = 1h) {
  const std::string plenty(1u << 20, 'x');
  ScriptedServer server({[&](Peer& peer) {
    while (peer.send(plenty)) {
    }
  }});
  auto socket = connect(server);
  auto read = read_some(socket, client.waiter(), Clock::now() + 5s);
  then();
  const auto began = Clock::now(), until = began + patience;
  while (read && !read->empty() && Clock::now() < began + 5s)
    read = read_some(socket, client.waiter(), until);
  return kind_of(read);
}

TEST(Io, APeerThatNeverPausesHidesNothingThatEndsAWait) {
  ClientEnd late(Clock::now() + 1s), leaves, stopped, patient;
  EXPECT_EQ(end_of_flood(late), Error::cancelled);
  EXPECT_EQ(end_of_flood(leaves, [&] { leaves.leave(); }), Error::gone);
  EXPECT_EQ(end_of_flood(stopped, [&] { stopped.stop(); }), Error::cancelled);
  EXPECT_EQ(end_of_flood(
                patient, [] {}, 100ms),
            Error::timeout);
}

TEST(Waiter, EndsForTheFirstOfTimeDeadlineStopAndClient) {
  EXPECT_EQ(ClientEnd().waiter().wait(-1, 0, Clock::now()), Wake::timeout);
  EXPECT_EQ(ClientEnd(Clock::now()).waiter().wait(-1, 0, Clock::time_point::max()),
            Wake::cancelled);

  ClientEnd stopped;
  stopped.stop();
  EXPECT_EQ(stopped.waiter().wait(-1, 0, Clock::time_point::max()), Wake::cancelled);

  ClientEnd gone;
  gone.leave();
  EXPECT_EQ(gone.waiter().wait(-1, 0, Clock::time_point::max()), Wake::gone);
}

TEST(Waiter, AClientThatOnlyEndsItsInputHasLeft) {
  ClientEnd client;
  ::shutdown(client.far_end(), SHUT_WR);
  EXPECT_EQ(client.waiter().wait(-1, 0, Clock::time_point::max()), Wake::gone);
}

TEST(Waiter, InputOfTheClientIsReadyWhenItIsWaitedForAndNoHarmOtherwise) {
  ClientEnd client;
  ASSERT_EQ(::send(client.far_end(), "x", 1, 0), 1);
  EXPECT_EQ(client.waiter().wait(client.near_end(), POLLIN, Clock::time_point::max()), Wake::ready);
  EXPECT_EQ(client.waiter().wait(-1, 0, Clock::now() + 1ms), Wake::timeout);
}

TEST(Waiter, CallsBackAtTheTimesThatItIsTold) {
  ClientEnd client;
  int calls = 0;
  Waiter waiter(client.near_end(), -1, Clock::time_point::max(),
                [&]() -> std::optional<Clock::time_point> {
                  return ++calls < 3 ? std::optional(Clock::now()) : std::nullopt;
                });
  EXPECT_EQ(waiter.wait(-1, 0, Clock::time_point::max()), Wake::gone);
  EXPECT_EQ(calls, 3);
}

TEST(Waiter, AClientThatLeavesEndsNoWaitThatOthersShare) {
  ClientEnd client;
  int asked = 0;
  client.waiter().outlive([&] { return ++asked < 3; });
  client.leave();
  EXPECT_EQ(client.waiter().wait(-1, 0, Clock::now() + 1ms), Wake::timeout);
  EXPECT_EQ(client.waiter().wait(-1, 0, Clock::time_point::max()), Wake::gone)
      << "once it is no longer shared";

  client.waiter().outlive([] { return true; });
  EXPECT_EQ(client.waiter().wait(-1, 0, Clock::now() + 1ms), Wake::timeout);
  client.waiter().outlive(nullptr);
  EXPECT_EQ(client.waiter().wait(-1, 0, Clock::time_point::max()), Wake::gone);
}

TEST(Waiter, NobodyIsAskedWhoSharesItWhileTheClientIsThere) {
  ClientEnd client;
  int looks = 0, asked = 0;
  Waiter waiter(client.near_end(), -1, Clock::time_point::max(),
                [&]() -> std::optional<Clock::time_point> {
                  ++looks;
                  return Clock::time_point::max();
                });
  waiter.outlive([&] { return ++asked > 0; });
  EXPECT_EQ(waiter.wait(-1, 0, Clock::now() + 250ms), Wake::timeout);
  EXPECT_EQ(looks, 1) << "a waiting thread sleeps";
  EXPECT_EQ(asked, 0);
}

TEST(Waiter, WhatIsAlwaysReadyDoesNotHideTheDeadline) {
  ClientEnd client(Clock::now() + 20ms);
  const EventFd ready;
  ready.signal();
  Wake wake = Wake::ready;
  for (const auto began = Clock::now(); wake == Wake::ready && Clock::now() < began + 5s;)
    wake = client.waiter().wait(ready.fd(), POLLIN, Clock::time_point::max());
  EXPECT_EQ(wake, Wake::cancelled);
}

TEST(Waiter, TheEndOfTheGatewayEndsASharedWaitToo) {
  ClientEnd client;
  client.waiter().outlive([] { return true; });
  client.stop();
  EXPECT_EQ(client.waiter().wait(-1, 0, Clock::time_point::max()), Wake::cancelled);
}

}  // namespace
}  // namespace gatehouse::core
