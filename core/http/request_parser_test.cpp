#include "core/http/request_parser.h"

#include <gtest/gtest.h>

#include "core/http/grammar.h"

namespace gatehouse::core {
namespace {

constexpr std::size_t kMaxBody = 1024;

/// The first request in the bytes of one connection, as the server reads it, and what is left.
struct Request {
  int rejected = 0;  // status
  bool complete = false;
  std::string text;  // of the head, which the parser points into
  RequestParser parser;
  std::string rest;
  HeadScan scan;

  /// Takes `bytes` in pieces that end after `cuts` bytes and at the end.
  explicit Request(std::string_view bytes, std::vector<std::size_t> cuts = {}) {
    cuts.push_back(bytes.size());
    std::size_t taken = 0;
    for (const std::size_t cut : cuts) {
      rest.append(bytes.substr(taken, cut - taken));
      taken = cut;
      if (!advance()) return;
    }
  }

  std::string_view field(std::string_view name) const {
    for (const Field& f : parser.head().fields) {
      if (equals_ignoring_case(f.name, name)) return f.value;
    }
    return {};
  }

  std::optional<Failure> parse_body() {
    std::string_view bytes = rest;
    auto failure = parser.parse_body(bytes, kMaxBody);
    rest.assign(bytes);
    return failure;
  }

 private:
  bool advance() {
    if (text.empty()) {
      scan = scan_head(rest, scan);
      if (scan.failure) return fail(*scan.failure);
      if (scan.end == 0) return true;
      text = rest.substr(scan.begin, scan.end - scan.begin);
      rest.erase(0, scan.end);
      if (const auto failure = parser.parse_head(text)) return fail(*failure);
    }
    if (const auto failure = parse_body()) return fail(*failure);
    complete = parser.complete();
    return true;
  }
  bool fail(const Failure& failure) {
    rejected = failure.http_status;
    return false;
  }
};

/// The status that a head is rejected with, 0 if it is not; `lines` without the line ends that
/// every head has.
int rejected(const std::string& lines) { return Request(lines + "\r\n\r\n").rejected; }
int rejected_with(const std::string& fields) {
  return rejected("POST / HTTP/1.1\r\nHost: a\r\n" + fields);
}

std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

constexpr std::string_view kByLength =
    "POST /api/chat?x=1&y HTTP/1.1\r\nHost: example.org:8080\r\nX-Name:  some value "
    "\r\nX-Empty:\r\nContent-Length: 11\r\n\r\nhello world"
    "GET /next";
constexpr std::string_view kChunked =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
    "5\r\nhello\r\n6;name=\"a b\"\r\n world\r\n0\r\nX-Late: 1\r\nHost: b\r\n\r\n"
    "GET /next";

TEST(RequestParser, ReadsAHead) {
  const Request r(kByLength);
  const RequestHead& head = r.parser.head();
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/api/chat");
  EXPECT_EQ(head.query, "x=1&y");
  EXPECT_EQ(head.host, "example.org:8080");
  EXPECT_EQ(r.field("x-name"), "some value");
  EXPECT_TRUE(r.field("X-Empty").empty());
  EXPECT_EQ(head.fields.size(), 4u);
  EXPECT_EQ(head.content_length, 11u);
  EXPECT_TRUE(head.keep_alive);
}

TEST(RequestParser, ARequestDoesNotDependOnThePiecesItComesIn) {
  for (const std::string_view bytes : {kByLength, kChunked}) {
    std::vector<std::vector<std::size_t>> ways = {every_byte(bytes.size())};
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) ways.push_back({cut});
    for (const auto& cuts : ways) {
      const Request r(bytes, cuts);
      ASSERT_EQ(r.rejected, 0) << cuts[0];
      ASSERT_TRUE(r.complete) << cuts[0];
      ASSERT_EQ(r.parser.body(), "hello world") << cuts[0];
      ASSERT_EQ(r.rest, "GET /next") << cuts[0];
    }
  }
}

TEST(RequestParser, TrailersAreNoFields) {
  const Request r(kChunked);
  EXPECT_EQ(r.parser.head().fields.size(), 2u);
  EXPECT_EQ(r.parser.head().host, "a");
}

TEST(RequestParser, ARequestWithoutBodyEndsWithItsHead) {
  for (const char* head :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    const Request r(std::string(head) + "GET /next");
    EXPECT_TRUE(r.complete) << head;
    EXPECT_EQ(r.rest, "GET /next") << head;
  }
}

TEST(RequestParser, SaysWhetherTheConnectionGoesOn) {
  const auto goes_on = [](const std::string& head) {
    return Request(head + "\r\n\r\n").parser.head().keep_alive;
  };
  EXPECT_TRUE(goes_on("GET / HTTP/1.1\r\nHost: a"));
  EXPECT_FALSE(goes_on("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close"));
  EXPECT_FALSE(goes_on("GET / HTTP/1.0\r\nConnection: keep-alive"));
}

TEST(RequestParser, ReadsTheFormsOfATarget) {
  const auto target = [](const std::string& text) {
    const Request r(text + " HTTP/1.1\r\nHost: a\r\n\r\n");
    if (r.rejected) return std::to_string(r.rejected);
    const RequestHead& head = r.parser.head();
    return std::string(head.host) + " " + std::string(head.path) + " " + std::string(head.query);
  };
  EXPECT_EQ(target("GET /"), "a / ");
  EXPECT_EQ(target("GET /?"), "a / ");
  EXPECT_EQ(target("GET /a?b?c"), "a /a b?c");
  EXPECT_EQ(target("GET http://b:1/c?d"), "b:1 /c d");
  EXPECT_EQ(target("GET http://b"), "b / ");
  EXPECT_EQ(target("GET http://b?d"), "b / d");
  EXPECT_EQ(target("GET HTTP://b/c"), "b /c ");
  EXPECT_EQ(target("GET https://b/c?d"), "b /c d");
  EXPECT_EQ(target("OPTIONS *"), "a * ");
  for (const char* bad :
       {"GET *", "GET a", "GET ?a", "GET http://", "GET http:///a", "GET https:/b", "GET https://",
        "GET http://b@c/", "GET http://b:x/", "GET ftp://b/", "GET /\xc3\xa4"}) {
    EXPECT_EQ(target(bad), "400") << bad;
  }
}

TEST(RequestParser, RejectsAMalformedHead) {
  const struct {
    int status;
    const char* lines;
  } heads[] = {
      {400, "GET /"},
      {400, "GET"},
      {400, " GET / HTTP/1.1\r\nHost: a"},
      {400, "GET  / HTTP/1.1\r\nHost: a"},
      {400, "GET / HTTP/1.1 \r\nHost: a"},
      {400, "GET\t/ HTTP/1.1\r\nHost: a"},
      {400, "G(T / HTTP/1.1\r\nHost: a"},
      {400, "GET / http/1.1\r\nHost: a"},
      {400, "GET / HTTP/1.10\r\nHost: a"},
      {505, "GET / HTTP/2.0\r\nHost: a"},
      {505, "GET / HTTP/1.2\r\nHost: a"},
      {505, "PRI * HTTP/2.0"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nno colon"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n: no name"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX : space before the colon"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX Y: space"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa4: letter"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: folded\r\n line"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: folded\r\n\tline"},
      {400, "GET / HTTP/1.1\r\n Host: a"},
      {400, "GET / HTTP/1.1\nHost: a"},
      {400, "GET / HTTP/1.1\r\nHost: a\nX: y"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f"},
      {400, "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a"},
      {417, "GET / HTTP/1.1\r\nHost: a\r\nExpect: a miracle"},
      {0, "\r\nGET / HTTP/1.1\r\nHost: a"},
      {0, "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\ttab"},
  };
  for (const auto& head : heads) EXPECT_EQ(rejected(head.lines), head.status) << head.lines;
  EXPECT_EQ(rejected(std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b", 31)), 400);
}

TEST(RequestParser, RejectsNonsenseBeforeTheEndOfItsHead) {
  for (const std::string_view start :
       {"\n", "\r\r", "\x16\x03\x01", "GET / HTTP/1.1\n", "GET /\rX"}) {
    EXPECT_TRUE(scan_head(start).failure) << start;
  }
}

TEST(RequestParser, WhatHasBeenLookedAtIsNotLookedAtAgain) {
  std::string head = "GET / HTTP/1.1\r\nX: y\r\nX: a";
  const HeadScan scan = scan_head(head);
  head.assign(head.size(), '\0');
  head += "b\r\n\r\n";
  const HeadScan whole = scan_head(head, scan);
  EXPECT_FALSE(whole.failure);
  EXPECT_EQ(whole.end, head.size());
}

TEST(RequestParser, ARequestOfHttp11HasExactlyOneValidHost) {
  const auto host = [](const std::string& fields) {
    return rejected("GET / HTTP/1.1\r\n" + fields);
  };
  for (const char* good :
       {"Host: a", "Host: a:80", "Host: 127.0.0.1:", "Host: [::1]", "host:[::1]:65535"})
    EXPECT_EQ(host(good), 0) << good;
  for (const char* bad :
       {"X: y", "Host:", "Host: a\r\nHost: a", "Host: a\r\nhost: b", "Host: a b", "Host: a/b",
        "Host: a@b", "Host: a:x", "Host: a:65536", "Host: :80", "Host: a,b\"", "Host: a#b"}) {
    EXPECT_EQ(host(bad), 400) << bad;
  }
  EXPECT_EQ(rejected("GET / HTTP/1.0\r\nX: y"), 0);
  EXPECT_EQ(rejected("GET / HTTP/1.0\r\nHost: a\r\nHost: a"), 400);
}

TEST(RequestParser, ABodyHasOneFramingThatEverybodyUnderstands) {
  EXPECT_EQ(rejected_with("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400);
  EXPECT_EQ(rejected_with("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400);
  EXPECT_EQ(rejected_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400);
  EXPECT_EQ(rejected_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip"), 400);
  EXPECT_EQ(rejected("POST / HTTP/1.0\r\nTransfer-Encoding: chunked"), 400);
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked",
                             "chunkedx", "\"chunked\"", "identity", "", "chunked;a=b"}) {
    EXPECT_EQ(rejected_with(std::string("Transfer-Encoding: ") + coding), 501) << coding;
  }
  for (const char* length :
       {"", "x", "+5", "-5", "5x", "0x5", "5.0", "5,5", "5, 5", "5 5", "18446744073709551616"}) {
    EXPECT_EQ(rejected_with(std::string("Content-Length: ") + length), 400) << length;
  }
  EXPECT_EQ(rejected_with("Content-Length: 5\r\nContent-Length: 5"), 400);
  EXPECT_EQ(rejected_with("Content-Length: 5\r\nContent-Length: 6"), 400);
}

TEST(RequestParser, RejectsBadChunks) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* chunk :
       {"x\r\na", "\r\na", "-1\r\na", "+1\r\na", "0x1\r\na", "1\na", "1 \r\na", "1; b\r\na",
        "1\r\nab", "1\r\na\n", "10000000000000000\r\na", "0\r\nX : y", "0\r\nContent-Length: 1"}) {
    EXPECT_EQ(Request(head + chunk + "\r\n0\r\n\r\n").rejected, 400) << chunk;
  }
  EXPECT_EQ(Request(head + "1;" + std::string(8 * 1024, 'x')).rejected, 400);
  EXPECT_EQ(Request(head + "0\r\nX: " + std::string(8 * 1024, 'x')).rejected, 400);
}

TEST(RequestParser, ABodyMayBeAsLargeAsTheLimitAndNoLarger) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n", full(kMaxBody, 'x');
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_TRUE(Request(head + "Content-Length: 1024\r\n\r\n" + full).complete);
  EXPECT_EQ(Request(head + "Content-Length: 1025\r\n\r\n").rejected, 413);
  EXPECT_EQ(Request(head + "Content-Length: 18446744073709551615\r\n\r\n").rejected, 413);
  EXPECT_TRUE(Request(chunked + "400\r\n" + full + "\r\n0\r\n\r\n").complete);
  EXPECT_EQ(Request(chunked + "401\r\n").rejected, 413);
  EXPECT_EQ(Request(chunked + "400\r\n" + full + "\r\n1\r\nx").rejected, 413);
  EXPECT_EQ(Request(chunked + "ffffffffffffffff\r\n").rejected, 413);
}

/// Else the end of the rejected body, of which the sender has said that it is data, would run as
/// the next request.
TEST(RequestParser, ARejectedBodyHasNoEnd) {
  Request r("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3ff\r\n" +
            std::string(1023, 'x') + "\r\n10\r\n");
  ASSERT_EQ(r.rejected, 0);
  r.rest += "\r\n0\r\n\r\nGET /evil";  // the 16 bytes of the second chunk
  const auto first = r.parse_body();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->http_status, 413);
  const auto second = r.parse_body();
  EXPECT_FALSE(r.parser.complete());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->http_status, 413);
}

TEST(RequestParser, AHeadMayBeAsLargeAsItsLimitsAndNoLarger) {
  const auto with_line_of = [](std::size_t size) {
    return rejected("GET /" + std::string(size - 14, 'a') + " HTTP/1.1\r\nHost: a");
  };
  EXPECT_EQ(with_line_of(kMaxRequestLine), 0);
  EXPECT_EQ(with_line_of(kMaxRequestLine + 1), 414);

  const auto of = [](std::size_t size) {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
  };
  for (std::size_t cut = kMaxHead - 4; cut <= kMaxHead; ++cut) {
    EXPECT_EQ(Request(of(kMaxHead), {cut}).rejected, 0) << cut;
    EXPECT_EQ(Request(of(kMaxHead + 1), {cut}).rejected, 431) << cut;
  }
  EXPECT_EQ(Request("\r\n" + of(kMaxHead)).rejected, 0);  // blank lines before it do not count

  std::string fields = "GET / HTTP/1.1\r\nHost: a";
  for (std::size_t i = 1; i < kMaxFields; ++i) fields += "\r\nX: y";
  EXPECT_EQ(rejected(fields), 0);
  EXPECT_EQ(rejected(fields + "\r\nX: y"), 431);
}

TEST(RequestParser, ALineWithoutEndIsRejectedAtItsLimit) {
  EXPECT_EQ(Request("GET /" + std::string(kMaxRequestLine, 'a')).rejected, 414);
  EXPECT_EQ(Request("GET / HTTP/1.1\r\nX: " + std::string(kMaxHead, 'a')).rejected, 431);
}

TEST(RequestParser, TellsTheFirstWordsOfARejectedHead) {
  EXPECT_EQ(rough_head("GET /a?b HTTP/9.9\r\n").method, "GET");
  EXPECT_EQ(rough_head("GET /a?b HTTP/9.9\r\n").path, "/a");
  EXPECT_EQ(rough_head("GET /a").path, "/a");
  EXPECT_EQ(rough_head("\x16\x03\x01\r\n x").method, "");
  EXPECT_EQ(rough_head("").path, "");
  const RequestHead head = rough_head(
      "GET / HTTP/1.1\r\nOrigin:  https://a.example \r\nb\x01d: 1\r\nC: 2\r\n\r\nD: 3\r\n");
  ASSERT_EQ(head.fields.size(), 2u);
  EXPECT_EQ(head.fields[0].name, "Origin");
  EXPECT_EQ(head.fields[0].value, "https://a.example");
  EXPECT_EQ(head.fields[1].name, "C");
}

}  // namespace
}  // namespace gatehouse::core
