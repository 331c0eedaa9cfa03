#include "core/http/sse.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <vector>

namespace gatehouse::core {
namespace {

using Events = std::vector<std::vector<std::string>>;  // {type, data, id}

void take(SseReader& reader, Events& events) {
  while (const auto e = reader.next())
    events.push_back({std::string(e->type), std::string(e->data), std::string(e->id)});
}

/// The events of a stream that comes in two pieces, or byte by byte.
Events read(std::string_view stream, std::size_t split) {
  SseReader reader;
  Events events;
  reader.feed(stream.substr(0, split));
  take(reader, events);
  reader.feed(stream.substr(split));
  take(reader, events);
  return events;
}
Events read_bytes(std::string_view stream) {
  SseReader reader;
  Events events;
  for (const char& byte : stream) {
    reader.feed({&byte, 1});
    take(reader, events);
  }
  return events;
}

TEST(Sse, EventsDoNotDependOnWhereTheStreamIsCut) {
  constexpr std::string_view kStream =
      "\xef\xbb\xbf"
      "data: one\n\n"
      ": a comment\r\n"
      "event: greeting\r\ndata:two\r\ndata:  lines\r\nid: 7\r\n\r\n"
      "data: three\r\r"
      "event: nothing\n\n"
      "retry: 10\nnonsense\ndata\n\n"
      "\r\n\n\r"
      "id\ndata: gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\n\n"
      "data: never ended\n";
  const Events expected = {{"", "one", ""},
                           {"greeting", "two\n lines", "7"},
                           {"", "three", "7"},
                           {"", "", "7"},
                           {"", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", ""}};
  for (std::size_t split = 0; split <= kStream.size(); ++split)
    EXPECT_EQ(read(kStream, split), expected) << "cut after " << split << " bytes";
  EXPECT_EQ(read_bytes(kStream), expected);
}

TEST(Sse, AByteOrderMarkCountsOnlyAtTheBeginning) {
  EXPECT_EQ(read_bytes("\xef\xbb\xbf\xef\xbb\xbf"
                       "data: a\n\ndata: b\n\n"),
            (Events{{"", "b", ""}}));
}

TEST(Sse, AFieldErrorIsAnEvent) {
  EXPECT_EQ(read_bytes("data: a\n\nerror: {\"code\":500}\n\ndata: b\n\n"),
            (Events{{"", "a", ""}, {"error", "{\"code\":500}", ""}, {"", "b", ""}}));
}

TEST(Sse, AnIdWithNulIsIgnored) {
  EXPECT_EQ(read_bytes(std::string_view("id: 1\nid: 2\0\ndata: a\n\n", 22)),
            (Events{{"", "a", "1"}}));
}

TEST(Sse, AnEventOfTheLargestSizeIsTaken) {
  SseReader reader;
  reader.feed("data:" + std::string(kMaxSseEvent - 5, 'x'));
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.too_large());
  reader.feed("\n\n");
  const auto event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data.size(), kMaxSseEvent - 5);
}

TEST(Sse, AnEventThatOutgrowsTheLimitIsReported) {
  SseReader one_line, many_lines;
  one_line.feed(std::string(kMaxSseEvent + 1, ':'));
  EXPECT_FALSE(one_line.next());
  EXPECT_TRUE(one_line.too_large());

  const std::string line = "data:" + std::string(1 << 20, 'x') + '\n';
  for (std::size_t i = 0; i < kMaxSseEvent >> 20; ++i) {
    many_lines.feed(line);
    EXPECT_FALSE(many_lines.next());
  }
  EXPECT_TRUE(many_lines.too_large());
}

TEST(Sse, AfterALargeEventSmallOnesAreWithinTheLimit) {
  SseReader reader;
  reader.feed("data:" + std::string(kMaxSseEvent - 5, 'x') + "\n\ndata: small\n");
  ASSERT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.too_large());
}

TEST(Sse, TheMemoryOfALargeEventIsReleased) {
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::string piece(64 << 10, 'x');
  const std::size_t before = in_use();
  SseReader reader;
  reader.feed("data:");
  for (int i = 0; i < 512; ++i) reader.feed(piece);
  reader.feed("\n\ndata: small\n\n");
  ASSERT_TRUE(reader.next());
  EXPECT_LT(in_use(), before + (34u << 20)) << "while it is read, it is held once";
  ASSERT_TRUE(reader.next());
  EXPECT_LT(in_use(), before + (2u << 20));
}

// The next two take minutes if the cost of an event grows with the size of the buffer.

TEST(Sse, ManySmallEventsAfterALargePieceAreReadInLinearTime) {
  std::string stream;
  while (stream.size() < (8u << 20)) stream += "data: x\n\n";
  SseReader reader;
  reader.feed(stream);
  std::size_t count = 0;
  while (reader.next()) ++count;
  EXPECT_EQ(count, stream.size() / 9);
}

TEST(Sse, ALongLineInSmallPiecesIsReadInLinearTime) {
  const std::string piece(16, 'x');
  SseReader reader;
  reader.feed("data:");
  for (std::size_t i = 0; i < (8u << 20) / piece.size(); ++i) {
    reader.feed(piece);
    ASSERT_FALSE(reader.next());
  }
  reader.feed("\n\n");
  EXPECT_EQ(reader.next()->data.size(), 8u << 20);
}

}  // namespace
}  // namespace gatehouse::core
