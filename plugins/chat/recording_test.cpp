#include "recording.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::chat {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::Request;
using End = Recording::End;

struct RecordingTest : ::testing::Test {
  static constexpr std::size_t kMaxBytes = 8192;

  /// What a reader gets next, or "cut".
  std::string next(Recording::Reader& reader) {
    std::string text;
    in_request([&](Exchange& x) {
      auto piece = reader.read(x);
      text = piece->end == End::cut ? "cut" : piece->bytes;
    });
    return text;
  }
  std::string all() {
    Recording::Reader reader(recording, waker);
    return next(reader);
  }
  void in_request(const std::function<void(Exchange&)>& work) {
    struct Asks final : Plugin {
      explicit Asks(const std::function<void(Exchange&)>& w) : work(w) {}
      Status handle(Exchange& x, Sink& out, Next&) override {
        work(x);
        return out.emit(event::bytes({}, true));
      }
      const std::function<void(Exchange&)>& work;
    } asks{work};
    (void)h.run(asks, Request("GET", "/"));
  }

  Harness h;
  Capacity capacity{{20'000, 1}};
  Recording recording{h.host(), capacity, kMaxBytes, 1min, "r1"};
  Waker waker{h.host()};
};

TEST_F(RecordingTest, GivesAReaderAllFromTheFirstByteOn) {
  recording.append("a", false);
  recording.append("b", false);
  EXPECT_EQ(all(), "ab");
  Recording::Reader reader(recording, waker);
  EXPECT_EQ(next(reader), "ab");
  recording.append("c", true);
  EXPECT_EQ(next(reader), "c");
  EXPECT_EQ(all(), "abc");
}

TEST_F(RecordingTest, WakesAReaderThatHasReadEverything) {
  Recording::Reader reader(recording, waker);
  std::thread writer([this] {
    std::this_thread::yield();
    recording.append("late", true);
  });
  EXPECT_EQ(next(reader), "late");
  writer.join();
}

TEST_F(RecordingTest, IsClosedBeyondItsLimit) {
  recording.append(std::string(kMaxBytes, 'x'), false);
  EXPECT_TRUE(recording.is_open());
  EXPECT_EQ(capacity.bytes(), static_cast<std::int64_t>(kMaxBytes));
  recording.append("y", false);
  EXPECT_FALSE(recording.is_open());
  EXPECT_EQ(capacity.bytes(), 0);
  EXPECT_EQ(all(), "cut");
}

TEST_F(RecordingTest, IsClosedWhenAllTogetherAreAtTheirLimit) {
  Recording other(h.host(), capacity, kMaxBytes, 1min, "r2");
  Recording third(h.host(), capacity, kMaxBytes, 1min, "r3");
  other.append(std::string(kMaxBytes, 'x'), false);
  third.append(std::string(kMaxBytes, 'x'), false);
  recording.append("y", false);
  EXPECT_FALSE(recording.is_open());
  EXPECT_LE(capacity.bytes(), 20'000);
}

TEST_F(RecordingTest, GivesItsMemoryBack) {
  {
    Recording other(h.host(), capacity, kMaxBytes, 1min, "r2");
    other.append("y", false);
    EXPECT_GT(capacity.bytes(), 0);
  }
  EXPECT_EQ(capacity.bytes(), 0);
}

TEST_F(RecordingTest, KeepsBeyondItsLimitWhatAReaderHasYetToRead) {
  Recording::Reader reader(recording, waker);
  for (int i = 0; i < 10; ++i) {
    const std::string piece(kMaxBytes / 2, static_cast<char>('a' + i));
    recording.append(piece, false);
    EXPECT_EQ(next(reader), piece);
  }
  EXPECT_EQ(capacity.bytes(), static_cast<std::int64_t>(kMaxBytes));
}

TEST_F(RecordingTest, CutsAReaderOffThatIsTooSlow) {
  Recording::Reader reader(recording, waker), fast(recording, waker);
  recording.append(std::string(kMaxBytes, 'x'), false);
  EXPECT_EQ(next(fast).size(), kMaxBytes);
  recording.append("y", false);
  EXPECT_EQ(next(reader), "cut");
  EXPECT_EQ(next(fast), "y");
}

TEST_F(RecordingTest, CutsAllReadersOffAtAPieceOverTheLimit) {
  Recording::Reader reader(recording, waker);
  recording.append(std::string(kMaxBytes + 1, 'x'), false);
  EXPECT_EQ(next(reader), "cut");
  EXPECT_EQ(capacity.bytes(), 0);
}

TEST_F(RecordingTest, RunsOnForAsLongAsItIsKept) {
  EXPECT_TRUE(recording.runs_on());
  h.advance(59s);
  EXPECT_TRUE(recording.runs_on());
  h.advance(1s);
  EXPECT_FALSE(recording.runs_on());
  EXPECT_EQ(recording.reason(), "expired");
}

TEST_F(RecordingTest, RunsOnForAReaderAndAMinuteAfterIt) {
  EXPECT_TRUE(recording.runs_on());
  {
    const Recording::Reader reader(recording, waker);
    h.advance(10min);
    EXPECT_TRUE(recording.runs_on());
  }
  h.advance(59s);
  EXPECT_TRUE(recording.runs_on());
  h.advance(1s);
  EXPECT_FALSE(recording.runs_on());
}

TEST_F(RecordingTest, RunsOnWithinTheLimitOfRunningChats) {
  Recording other(h.host(), capacity, kMaxBytes, 1min, "r2");
  EXPECT_TRUE(recording.runs_on());
  EXPECT_FALSE(other.runs_on());
  EXPECT_EQ(other.reason(), "too_many");
  recording.end();
  Recording third(h.host(), capacity, kMaxBytes, 1min, "r3");
  EXPECT_TRUE(third.runs_on());
}

TEST_F(RecordingTest, DoesNotRunOnWhenItIsStoppedReplacedOrTooLong) {
  const auto reason = [this](auto change) {
    Capacity one({20'000, 1});
    Recording other(h.host(), one, kMaxBytes, 1min, "r2");
    change(other);
    EXPECT_FALSE(other.runs_on());
    EXPECT_FALSE(other.is_open());
    return other.reason();
  };
  EXPECT_EQ(reason([](Recording& r) { r.stop(); }), "stopped");
  EXPECT_EQ(reason([](Recording& r) { r.replace(); }), "replaced");
  EXPECT_EQ(reason([](Recording& r) { r.append(std::string(kMaxBytes + 1, 'x'), false); }),
            "too_long");
}

TEST_F(RecordingTest, IsOverOnceNobodyCanNeedIt) {
  recording.append("a", true);
  EXPECT_FALSE(recording.is_over());
  (void)recording.runs_on();
  recording.end();
  EXPECT_FALSE(recording.is_over()) << "its client may come back";
  h.advance(1min);
  EXPECT_TRUE(recording.is_over());
}

TEST_F(RecordingTest, IsOverWhenItHasBeenReceived) {
  recording.append("a", true);
  recording.set_received(true);
  recording.end();
  EXPECT_TRUE(recording.is_over());
}

}  // namespace
}  // namespace gatehouse::plugins::chat
