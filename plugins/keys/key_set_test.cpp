#include "key_set.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::keys {
namespace {

using testing::Harness;
using Lines = std::vector<std::string>;

const std::string kZeros(64, '0'), kOnes(64, '1');

struct KeySetTest : ::testing::Test {
  Harness h;
  KeySet keys;

  Lines add(View content) {
    Lines problems;
    keys.add_lines("keys.jsonl", content, problems);
    return problems;
  }
  /// What is wrong with an entry with this member besides its name and hash.
  std::string problem(const std::string& member) {
    KeySet own;
    Lines problems;
    own.add_lines("f", R"({"name": "a", "sha256": ")" + kZeros + "\", " + member + "}", problems);
    return problems.empty() ? "" : problems[0];
  }
};

/// A digest that counts how many of its bytes are read.
struct CountedDigest {
  std::uint8_t operator[](std::size_t i) const {
    ++reads;
    return bytes[i];
  }
  Digest bytes{};
  mutable int reads = 0;
};

TEST(SameDigest, ReadsAllBytesWhereverTheFirstDifferenceIs) {
  const CountedDigest one;
  EXPECT_TRUE(SameDigest()(one, CountedDigest()));
  for (std::size_t matching = 0; matching < 32; ++matching) {
    CountedDigest other;
    other.bytes[matching] = 1;
    one.reads = 0;
    EXPECT_FALSE(SameDigest()(one, other)) << matching;
    EXPECT_EQ(one.reads, 32) << matching;
    EXPECT_EQ(other.reads, 32) << matching;
  }
}

TEST(SameDigest, SeesEachBit) {
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Digest other{};
    other[bit / 8] = static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(SameDigest()(Digest{}, other)) << bit;
  }
}

TEST_F(KeySetTest, ReadsOneEntryInEachLine) {
  EXPECT_EQ(add("# of the team\n\n"
                R"({"name": "a", "sha256": ")" +
                kZeros +
                "\"}\r\n"
                R"(  {"name": "b", "owner": "ada@example.com", "sha256": ")" +
                kOnes + R"(", "expires": "2027-01-31", "models": ["gpt-*"]})"),
            Lines());
  EXPECT_EQ(keys.size(), 2u);
  ASSERT_TRUE(keys.find(Digest{}));
  EXPECT_EQ(keys.find(Digest{})->name, "a");
  EXPECT_EQ(keys.find(Digest{})->tenant(), "a");
  EXPECT_EQ(keys.find(Digest{})->rights, nullptr);
  Digest ones;
  ones.fill(0x11);
  ASSERT_TRUE(keys.find(ones));
  EXPECT_EQ(keys.find(ones)->tenant(), "ada@example.com");
  EXPECT_EQ(keys.find(ones)->expires, *parse_expiry("2027-02-01T00:00:00Z"));
  EXPECT_EQ(*keys.find(ones)->rights->models, Rights::Patterns{"gpt-*"});
  ones[31] = 0;
  EXPECT_FALSE(keys.find(ones));
}

TEST_F(KeySetTest, AcceptsTwoKeysOfOneNameButNoKeyTwice) {
  const std::string zeros = R"({"name": "a", "sha256": ")" + kZeros + "\"}\n";
  const std::string ones = R"({"name": "a", "sha256": ")" + kOnes + "\"}\n";
  EXPECT_EQ(add(zeros + ones + zeros),
            Lines{"keys.jsonl:3: `sha256` is that of another entry: each key stands once"});
}

TEST_F(KeySetTest, NamesTheLineOfEachMistake) {
  const Lines problems =
      add("{\n"
          "[]\n"
          R"({"sha256": ")" +
          kZeros +
          "\"}\n"
          R"({"name": "a", "sha256": "ABC"})"
          "\n");
  ASSERT_EQ(problems.size(), 4u);
  EXPECT_EQ(problems[0].substr(0, 14), "keys.jsonl:1: ");
  EXPECT_EQ(problems[1].substr(0, 31), "keys.jsonl:2: not an entry such");
  EXPECT_EQ(problems[2], "keys.jsonl:3: `name` must be 1 to 64 letters, digits, dots, _ or -");
  EXPECT_EQ(problems[3], "keys.jsonl:4: `sha256` must be 64 hexadecimal digits in lower case");
}

TEST_F(KeySetTest, ReportsTwentyMistakesAtMost) {
  std::string content;
  for (int i = 0; i < 1000; ++i) content += "no\n";
  EXPECT_EQ(add(content).size(), 20u);
}

TEST_F(KeySetTest, RejectsMembersThatMeanNothing) {
  EXPECT_EQ(problem(R"("modles": [])"), "f:1: `modles` is no member of a key");
  for (const char* owner : {R"("")", R"("a b")", "1", R"("a\u0000")"})
    EXPECT_EQ(problem(std::string("\"owner\": ") + owner),
              "f:1: `owner` must be 1 to 64 letters, digits and any of ._-@+");
  for (const char* expires : {R"("")", R"("2027-02-30")", R"("soon")", "1801396800"})
    EXPECT_NE(problem(std::string("\"expires\": ") + expires), "") << expires;
  for (const char* list : {R"("gpt")", R"([""])", "[1]", "{}", "null"}) {
    for (const char* member : {"models", "tools", "default_tools"})
      EXPECT_NE(problem('"' + std::string(member) + "\": " + list), "") << member << list;
  }
  for (const char* limits :
       {"{}", "[1]", R"([{"per": "day"}])", R"([{"requests": 1}])",
        R"([{"per": "year", "requests": 1}])", R"([{"per": "day", "requests": 0}])",
        R"([{"per": "day", "tokens": 1.5}])", R"([{"per": "day", "usd": -1}])",
        R"([{"per": "day", "usd": "1"}])", R"([{"per": "day", "tokens": 1, "more": 1}])"})
    EXPECT_NE(problem(std::string("\"limits\": ") + limits), "") << limits;
  EXPECT_EQ(problem(R"("limits": [{"per": "month", "usd": 0.5}], "tools": [])"), "");
}

/// The chat document after a key with `rights` was applied to it, or the code of the failure.
std::string applied(View members, View chat) {
  EntryProblem problem;
  const auto entry =
      testing::parse(R"({"name": "a", "sha256": ")" + kZeros + "\", " + std::string(members) + "}");
  const auto read = read_entry(entry.root(), problem);
  EXPECT_TRUE(read) << problem.text;
  const Document document = testing::parse(chat);
  const Status status = apply(*read->key.rights, document.root());
  return status ? document.root().dump() : std::string(status.failure().code());
}

TEST(Rights, LimitTheModels) {
  Harness h;
  const auto model = [](const char* patterns, const std::string& name) {
    return applied(std::string("\"models\": ") + patterns, R"({"model": ")" + name + "\"}");
  };
  EXPECT_EQ(model(R"(["a", "gpt-*"])", "gpt-5"), R"({"model":"gpt-5"})");
  EXPECT_EQ(model(R"(["a", "gpt-*"])", "a"), R"({"model":"a"})");
  EXPECT_EQ(model(R"(["a", "gpt-*"])", "ab"), "model_not_found");
  EXPECT_EQ(model(R"(["*-mini*x"])", "gpt-mini-mini-2x"), R"({"model":"gpt-mini-mini-2x"})");
  EXPECT_EQ(model(R"(["*-mini*x"])", "gpt-mini-2"), "model_not_found");
  EXPECT_EQ(model("[]", "a"), "model_not_found");
  EXPECT_EQ(model(R"(["*"])", ""), R"({"model":""})");
  EXPECT_EQ(model(R"(["a"])", ""), "model_not_found");
}

TEST(Rights, LimitTheToolsThatAreNamedAndAddTheirOwn) {
  Harness h;
  EXPECT_EQ(applied(R"("tools": ["web_*"], "default_tools": ["web_read", "files"])",
                    R"({"model": "m", "backend_tools": ["web_read", "shell", "web_write"]})"),
            R"({"model":"m","backend_tools":["web_read","web_write","files"]})");
  EXPECT_EQ(applied(R"("tools": [])", R"({"backend_tools": ["a", "b"]})"),
            R"({"backend_tools":[]})");
  EXPECT_EQ(applied(R"("default_tools": ["a"])", R"({"model": "m"})"),
            R"({"model":"m","backend_tools":["a"]})");
}

TEST(Rights, WriteTheirLimitsInPlaceOfOthers) {
  Harness h;
  EXPECT_EQ(applied(R"("limits": [{"per": "day", "usd": 2.5}])", R"({"limits": [1]})"),
            R"({"limits":[{"per":"day","usd":2.5}]})");
}

}  // namespace
}  // namespace gatehouse::plugins::keys
