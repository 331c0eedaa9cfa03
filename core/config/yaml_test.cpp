#include "core/config/yaml.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace gatehouse::core {
namespace {

struct Parsed {
  explicit Parsed(std::string_view text) : root(parse_yaml(text, origins, problems)) {}

  /// Everything that is wrong, one per line.
  std::string wrong() const {
    std::ostringstream out;
    out << problems;
    return out.str();
  }

  Origins origins{"f.yaml"};
  Problems problems;
  std::optional<nlohmann::ordered_json> root;
};

std::string json_of(std::string_view text) {
  const Parsed parsed(text);
  return parsed.wrong() + (parsed.root ? parsed.root->dump() : "nothing");
}

TEST(Yaml, ScalarsAreTypedByTheCoreSchemaOf12) {
  const struct {
    const char *yaml, *json;
  } kCases[] = {
      {"", "null"},
      {"~", "null"},
      {"null", "null"},
      {"Null", "null"},
      {"nULL", R"("nULL")"},
      {"true", "true"},
      {"FALSE", "false"},
      {"yes", R"("yes")"},
      {"no", R"("no")"},
      {"on", R"("on")"},
      {"y", R"("y")"},
      {"0", "0"},
      {"-7", "-7"},
      {"+7", "7"},
      {"0123", "123"},
      {"0x1F", "31"},
      {"0o17", "15"},
      {"0o8", R"("0o8")"},
      {"0x", R"("0x")"},
      {"-0x1", R"("-0x1")"},
      {"0x-1", R"("0x-1")"},
      {"1_000", R"("1_000")"},
      {"1:30", R"("1:30")"},
      {"1.10", "1.1"},
      {".5", "0.5"},
      {"1e3", "1000.0"},
      {"-1.5E-1", "-0.15"},
      {"1e", R"("1e")"},
      {"+-1", R"("+-1")"},
      {"+", R"("+")"},
      {".inf", R"(".inf")"},
      {"nan", R"("nan")"},
      {"infinity", R"("infinity")"},
      {"1.2.3", R"("1.2.3")"},
      {"10s", R"("10s")"},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "9.223372036854776e+18"},
      {"1e999", R"("1e999")"},
      {"\"5\"", R"("5")"},
      {"'true'", R"("true")"},
      {"\"\"", R"("")"},
      {"127.0.0.1:3000", R"("127.0.0.1:3000")"},
      {"! 5", R"("5")"},
      {"chrome-extension://*", R"("chrome-extension://*")"},
  };
  for (const auto& [yaml, json] : kCases)
    EXPECT_EQ(json_of(std::string("a: ") + yaml), std::string("{\"a\":") + json + "}") << yaml;
}

TEST(Yaml, ListsAndMapsKeepTheirOrder) {
  EXPECT_EQ(json_of("z: 1\na: [3, {y: 1, b: 2}]\nm:\n  - x\n  - |\n    two\n    lines\n"),
            R"({"z":1,"a":[3,{"y":1,"b":2}],"m":["x","two\nlines\n"]})");
}

TEST(Yaml, ValuesAndKeysKnowTheirPlace) {
  const Parsed parsed("a: 1\nb:\n  - x\n  - {c~/d: [5]}\ne:\nf: 2\n");
  const struct {
    const char* pointer;
    int key_line, key_column, line, column;
  } kCases[] = {
      {"", 1, 1, 1, 1},
      {"/a", 1, 1, 1, 4},
      {"/b", 2, 1, 3, 3},
      {"/b/0", 3, 5, 3, 5},
      {"/b/1/c~0~1d", 4, 6, 4, 12},
      {"/b/1/c~0~1d/0", 4, 13, 4, 13},
      {"/e", 5, 1, 5, 1},
      {"/f", 6, 1, 6, 4},
      {"/f/none/0", 6, 1, 6, 4},  // the nearest around it
  };
  for (const auto& [pointer, key_line, key_column, line, column] : kCases) {
    EXPECT_EQ(parsed.origins.at(pointer).line, line) << pointer;
    EXPECT_EQ(parsed.origins.at(pointer).column, column) << pointer;
    EXPECT_EQ(parsed.origins.at(pointer).key_line, key_line) << pointer;
    EXPECT_EQ(parsed.origins.at(pointer).key_column, key_column) << pointer;
  }
}

TEST(Yaml, AnAliasStandsForItsAnchor) {
  EXPECT_EQ(json_of("a: &x {b: 1}\nc: [*x, *x]\n"), R"({"a":{"b":1},"c":[{"b":1},{"b":1}]})");
}

TEST(Yaml, RejectsAmbiguousFeatures) {
  const struct {
    std::string_view yaml, answer;
  } kCases[] = {
      {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: `a` is a duplicate key\n{\"a\":1,\"b\":2}"},
      {"a: &x {b: 1}\nc:\n  <<: *x\n",
       "f.yaml:3:3: merge keys (`<<`) are not supported: write the keys "
       "out\n{\"a\":{\"b\":1},\"c\":{}}"},
      {"a: !!python/object x\n",
       "f.yaml:1:4: tags such as `tag:yaml.org,2002:python/object` are not "
       "supported\n{\"a\":null}"},
      {"[a]: 1\n", "f.yaml:1:1: a key must be text\n{}"},
      {"a: 1\n---\nb: 2\n",
       "f.yaml:2:1: a second document begins here: write one document only\nnothing"},
      {"a: [1\n", "f.yaml:2:1: not YAML: end of sequence flow not found\nnothing"},
      {"a: [\n  b,\n\tc: d ]]\n",
       "f.yaml:3:1: not YAML: this line is indented with a tab; write spaces\nnothing"},
      {"a: \"b\nc: d\n", "f.yaml:1:4: not YAML: this quote is not closed\nnothing"},
      {"a: 'it''s\nc: \"d\"\n", "f.yaml:1:4: not YAML: this quote is not closed\nnothing"},
      {"a: *x\n", "f.yaml:1:4: not YAML: the referenced anchor is not defined\nnothing"},
      {"a: 1\nb: \x12", "f.yaml:2:4: not YAML: a control character\nnothing"},
      {"\x7f", "f.yaml:1:1: not YAML: a control character\nnothing"},
      {std::string_view("a: 0o1710\0", 10), "f.yaml:1:10: not YAML: a control character\nnothing"},
      {"", "f.yaml: empty\nnothing"},
      {"# nothing yet\n", "f.yaml: empty\nnothing"},
      {"a: \xff\n", "f.yaml: not UTF-8\nnothing"},
  };
  for (const auto& [yaml, answer] : kCases) EXPECT_EQ(json_of(yaml), answer) << yaml;
}

TEST(Yaml, NothingGrowsWithoutEnd) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  const struct {
    std::string yaml, why;
  } kCases[] = {
      {bomb, "too many values, counting each alias as a copy"},
      {"a: &a [*a]\n", "nested deeper than 64 levels"},
      {std::string(100, '['), "not YAML"},
      {std::string(100, '[') + std::string(100, ']'), "nested deeper than 64 levels"},
      {std::string(100'000, '['), "nested deeper than 64 levels"},
      {std::string(kMaxConfigBytes + 1, ' '), "longer than 1 MiB"},
      {"? " + std::string(300, 'k') + "\n: 1\n", "a key must not be longer than 256 bytes"},
  };
  for (const auto& [yaml, why] : kCases) {
    const std::string answer = json_of(yaml);
    EXPECT_NE(answer.find(why), std::string::npos) << answer.substr(0, 200);
  }
}

TEST(Yaml, AHundredThousandKeysTakeNoQuadraticTime) {
  std::string text;
  for (int i = 0; text.size() < kMaxConfigBytes - 16; ++i) text += 'k' + std::to_string(i) + ":\n";
  EXPECT_GT(Parsed(text).root->size(), 100'000u);
}

TEST(Problems, AreShownInOrderOnceAndOnOneLineEach) {
  Problems problems;
  problems.add({"b", 1, 1}, "last");
  problems.add({"a", 10, 1}, "third");
  problems.add({"a", 9, 2}, "second\n\x1b[31m");
  problems.add({"a", 9, 1}, "first");
  problems.add({"a", 9, 1}, "first");
  problems.add({"a"}, "of the whole file");
  std::ostringstream out;
  out << problems;
  EXPECT_EQ(
      out.str(),
      "a: of the whole file\na:9:1: first\na:9:2: second??[31m\na:10:1: third\nb:1:1: last\n");
}

}  // namespace
}  // namespace gatehouse::core
